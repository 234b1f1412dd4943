// PostgreSQL does not run as root: neither do these tests.
#include <grp.h>
#include <gtest/gtest.h>
#include <pwd.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>

int main(int count, char** arguments) {
  testing::InitGoogleTest(&count, arguments);
  if (::geteuid() == 0) {
    const passwd* user = ::getpwnam("postgres");
    if (user == nullptr) user = ::getpwnam("nobody");
    if (user == nullptr || ::initgroups(user->pw_name, user->pw_gid) != 0 ||
        ::setgid(user->pw_gid) != 0 || ::setuid(user->pw_uid) != 0) {
      std::fprintf(stderr, "cannot become the user postgres to run the tests\n");
      return 1;
    }
    ::setenv("HOME", "/tmp", 1);
  }
  if (::chdir("/") != 0) return 1;
  return RUN_ALL_TESTS();
}
