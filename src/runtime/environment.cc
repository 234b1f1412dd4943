#include "runtime/environment.h"

#include <pwd.h>
#include <unistd.h>

#include <array>

namespace pgherd {
namespace {

// "" when nobody knows this user.
std::string home_in_password_database() {
  std::array<char, 16384> text{};
  passwd entry{};
  passwd* found = nullptr;
  const int problem = ::getpwuid_r(::geteuid(), &entry, text.data(), text.size(), &found);
  if (problem != 0 || found == nullptr || found->pw_dir == nullptr) return {};
  return found->pw_dir;
}

}  // namespace

std::map<std::string, std::string> process_environment() {
  std::map<std::string, std::string> found;
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    const std::string text = *entry;
    const std::size_t equals = text.find('=');
    if (equals != std::string::npos) found[text.substr(0, equals)] = text.substr(equals + 1);
  }
  if (std::string& home = found["HOME"]; home.empty()) home = home_in_password_database();
  if (found["HOME"].empty()) found.erase("HOME");
  return found;
}

}  // namespace pgherd
