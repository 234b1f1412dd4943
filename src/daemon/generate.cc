#include "daemon/generate.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/core.h>
#include <limits.h>
#include <netdb.h>
#include <sys/socket.h>
#include <termios.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <iostream>
#include <memory>

#include "codec/config_generator.h"
#include "postgres/local/server_facts.h"
#include "runtime/environment.h"
#include "runtime/files.h"

namespace pgherd {
namespace {

namespace fs = std::filesystem;

std::string own_name() {
  std::array<char, HOST_NAME_MAX + 1> name{};
  return ::gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "";
}

// IPv4 is preferred; "" when the name leads nowhere.
std::string address_of(const std::string& name) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (::getaddrinfo(name.c_str(), nullptr, &hints, &found) != 0) return {};
  const std::unique_ptr<addrinfo, void (*)(addrinfo*)> all(found, ::freeaddrinfo);
  std::string six;
  for (const addrinfo* one = found; one != nullptr; one = one->ai_next) {
    std::array<char, INET6_ADDRSTRLEN> text{};
    if (::getnameinfo(one->ai_addr, one->ai_addrlen, text.data(), text.size(), nullptr, 0,
                      NI_NUMERICHOST) != 0)
      continue;
    if (one->ai_family == AF_INET) return text.data();
    if (six.empty()) six = text.data();
  }
  return six;
}

// What is typed is not shown; a script may give it on standard input.
std::string ask_password() {
  fmt::print(stderr, "Password of PostgreSQL's superuser: ");
  std::fflush(stderr);
  termios before{};
  const bool is_terminal = ::tcgetattr(STDIN_FILENO, &before) == 0;
  if (is_terminal) {
    termios hidden = before;
    hidden.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &hidden);
  }
  std::string password;
  std::getline(std::cin, password);
  if (is_terminal) ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
  fmt::print(stderr, "\n");
  return password;
}

std::string write_to(const std::string& path, const std::string& text) {
  std::error_code error;
  if (const fs::path folder = fs::path(path).parent_path(); !folder.empty())
    fs::create_directories(folder, error);
  if (error) return fmt::format("cannot make the folder of {}: {}", path, error.message());
  // There are passwords in it.
  const auto written = write_file_atomically(path, text, 0600);
  return written ? "" : written.error().text;
}

}  // namespace

int generate_config(const GenerateOptions& options) {
  const auto end_with = [](const std::string& problem) {
    fmt::print(stderr, "pgherd: {}\n", problem);
    return 1;
  };
  try {
    GeneratorFacts facts;
    facts.host_name = own_name();
    facts.address = address_of(facts.host_name);
    facts.environment = process_environment();
    if (!options.is_sample) {
      Result<ServerFacts, std::string> server = read_server_facts(options.dsn, ask_password);
      if (!server) return end_with(server.error());
      facts.server = std::move(*server);
    }
    const std::string text = generated_config(facts);
    if (options.output.empty()) {
      fmt::print("{}", text);
    } else if (const std::string problem = write_to(options.output, text); !problem.empty()) {
      return end_with(problem);
    }
    return 0;
  } catch (const std::exception& problem) {
    return end_with(problem.what());
  }
}

}  // namespace pgherd
