#include "runtime/environment.h"

#include <gtest/gtest.h>
#include <pwd.h>
#include <unistd.h>

#include <cstdlib>

namespace pgherd {
namespace {

TEST(ProcessEnvironment, HasAHomeWithoutTheVariable) {
  const passwd* user = ::getpwuid(::geteuid());
  if (user == nullptr) GTEST_SKIP() << "the password database does not know this user";
  const std::string home = user->pw_dir;
  ::setenv("HOME", "/said", 1);
  EXPECT_EQ(process_environment().at("HOME"), "/said");
  ::setenv("HOME", "", 1);
  EXPECT_EQ(process_environment().at("HOME"), home);
  ::unsetenv("HOME");
  EXPECT_EQ(process_environment().at("HOME"), home);
}

}  // namespace
}  // namespace pgherd
