#include "local/secrets.h"

#include <sys/random.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <nlohmann/json.hpp>

#include "local/errors.h"

namespace pgherd::local {
namespace {

constexpr int kLength = 24;  // of 62 letters: 142 bits

std::string path_in(const std::string& dir) {
  return dir + "/secrets.json";
}

// Letters and digits only: nothing that any file format or shell would want quoted.
std::string make_password() {
  constexpr std::string_view kLetters =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
  std::string password;
  while (password.size() < kLength) {
    std::uint8_t drawn = 0;
    if (::getrandom(&drawn, 1, 0) != 1) {
      if (errno == EINTR) continue;
      throw LocalError(std::string("cannot make a password (getrandom): ") + std::strerror(errno));
    }
    // 248 = 4 x 62: higher draws would make the first letters more likely.
    if (drawn < 248) password += kLetters[drawn % kLetters.size()];
  }
  return password;
}

std::optional<Secrets> read(const std::string& dir) {
  const auto text = read_file(path_in(dir));
  if (!text && text.error().code == ENOENT) return std::nullopt;
  if (!text) throw LocalError(text.error().text);
  try {
    const auto json = nlohmann::json::parse(*text);
    return Secrets{.superuser = json.at("superuser"),
                   .replication = json.at("replication"),
                   .rewind = json.at("rewind"),
                   .rest = json.at("rest"),
                   .statistics = json.at("statistics")};
  } catch (const std::exception& error) {
    throw LocalError(path_in(dir) + " is not understood: " + error.what());
  }
}

}  // namespace

Secrets load_secrets(const std::string& dir) {
  auto found = read(dir);
  if (!found) throw LocalError("there are no passwords in " + path_in(dir) + ": pgherd local up");
  return *found;
}

Secrets load_or_make_secrets(const std::string& dir, const std::optional<FileOwner>& owner) {
  if (auto found = read(dir)) return *found;
  const Secrets made{make_password(), make_password(), make_password(), make_password(),
                     make_password()};
  const nlohmann::json json{{"superuser", made.superuser},
                            {"replication", made.replication},
                            {"rewind", made.rewind},
                            {"rest", made.rest},
                            {"statistics", made.statistics}};
  const auto written = write_file_atomically(path_in(dir), json.dump(2) + "\n", 0600, owner);
  if (!written) throw LocalError(written.error().text);
  return made;
}

}  // namespace pgherd::local
