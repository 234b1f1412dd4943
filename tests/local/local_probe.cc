// Stands in for pgherd in the tests of `local`: the same subcommands, but its agent has no
// PostgreSQL: it only answers as REST of a member would. pg0 leads, the others stream from it.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>

#include "local/local_command.h"

namespace {

struct Config {
  std::string name;
  int rest_port = 0;
};

Config read_config(const char* path) {
  Config config;
  std::ifstream in(path);
  for (std::string line; std::getline(in, line);) {
    if (line.rfind("name: ", 0) == 0) config.name = line.substr(6);
    if (config.rest_port == 0 && line.rfind("  listen: ", 0) == 0)
      config.rest_port = std::atoi(line.c_str() + line.rfind(':') + 1);
  }
  return config;
}

std::string answer_to(const std::string& request, bool leads) {
  const std::string path = request.substr(4, request.find(' ', 4) - 4);
  bool is_ok = path == "/patroni";
  if (path == "/leader" || path == "/primary") is_ok = leads;
  if (path == "/replica") is_ok = !leads;
  const std::string body =
      leads ? R"({"state": "running", "role": "primary", "timeline": 1})"
            : R"({"state": "running", "role": "replica", "replication_state": "streaming"})";
  return std::string("HTTP/1.1 ") + (is_ok ? "200 OK" : "503 Service Unavailable") +
         "\r\nContent-Length: " + std::to_string(body.size()) + "\r\nConnection: close\r\n\r\n" +
         body;
}

int be_agent(const char* path) {
  const Config config = read_config(path);
  const int listener = ::socket(AF_INET, SOCK_STREAM, 0);
  const int on = 1;
  ::setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(config.rest_port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::bind(listener, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 ||
      ::listen(listener, 16) != 0) {
    std::perror("listen");
    return 1;
  }
  std::printf("agent %s listens\n", config.name.c_str());
  std::fflush(stdout);
  for (;;) {
    const int client = ::accept(listener, nullptr, nullptr);
    std::array<char, 4096> request{};
    const ssize_t got = ::recv(client, request.data(), request.size() - 1, 0);
    if (got > 4) {
      const std::string answer = answer_to(request.data(), config.name == "pg0");
      [[maybe_unused]] const ssize_t sent =
          ::send(client, answer.data(), answer.size(), MSG_NOSIGNAL);
    }
    ::close(client);
  }
}

}  // namespace

int main(int argc, char** argv) {
  const std::string what = argc > 1 ? argv[1] : "";
  if (what == "local") return pgherd::local::local_main({argv + 2, argv + argc});
  if (what == "agent" && argc == 3) return be_agent(argv[2]);
  std::fputs("local_probe: what?\n", stderr);
  return 1;
}
