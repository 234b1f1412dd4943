#include "local/ports.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <sstream>

#include "local/errors.h"
#include "runtime/files.h"
#include "runtime/unique_fd.h"

namespace pgherd::local {
namespace {
namespace fs = std::filesystem;

sockaddr_in loopback(int port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

// Listens as the programs will; not open: errno says why not.
UniqueFd listen_on(int port) {
  UniqueFd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!socket.is_open()) return socket;
  const int on = 1;
  ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  const sockaddr_in address = loopback(port);
  const auto* generic = reinterpret_cast<const sockaddr*>(&address);
  if (::bind(socket.get(), generic, sizeof address) != 0 || ::listen(socket.get(), 1) != 0) {
    const int code = errno;
    socket.reset();
    errno = code;
  }
  return socket;
}

int port_of(const UniqueFd& socket) {
  sockaddr_in address{};
  socklen_t size = sizeof address;
  if (::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&address), &size) != 0)
    throw LocalError(std::string("cannot choose a free port: ") + std::strerror(errno));
  return ntohs(address.sin_port);
}

// Inode of the socket that listens on the port, from the kernel's table; empty if not there.
std::string listening_inode(const char* table, int port) {
  const auto text = read_file(table);
  if (!text) return "";
  std::istringstream lines(*text);
  std::string line;
  std::getline(lines, line);
  while (std::getline(lines, line)) {
    std::istringstream fields(line);
    std::string slot, local, remote, state, queues, timer, retransmits, uid, timeout, inode;
    fields >> slot >> local >> remote >> state >> queues >> timer >> retransmits >> uid >>
        timeout >> inode;
    const auto colon = local.rfind(':');
    if (state != "0A" || colon == std::string::npos) continue;
    if (std::stoi(local.substr(colon + 1), nullptr, 16) == port) return inode;
  }
  return "";
}

std::string holder_of_inode(const std::string& inode) {
  const std::string wanted = "socket:[" + inode + "]";
  std::error_code error;
  for (const auto& process : fs::directory_iterator("/proc", error)) {
    const std::string pid = process.path().filename();
    if (pid.find_first_not_of("0123456789") != std::string::npos) continue;
    std::error_code closed;
    for (const auto& fd : fs::directory_iterator(process.path() / "fd", closed)) {
      std::error_code gone;
      if (fs::read_symlink(fd.path(), gone) != wanted) continue;
      std::string name = read_file(process.path() / "comm").value_or("?");
      if (!name.empty() && name.back() == '\n') name.pop_back();
      return "process " + pid + " (" + name + ")";
    }
  }
  return "a process that is not visible to this user";
}

std::string holder_of(int port) {
  for (const char* table : {"/proc/net/tcp", "/proc/net/tcp6"})
    if (const auto inode = listening_inode(table, port); !inode.empty())
      return holder_of_inode(inode);
  return "somebody";
}

PortPlan fixed_plan(int primary, int statistics, int etcd, int client, int peer, int rest,
                    int postgresql, int nodes) {
  PortPlan plan{
      .primary = primary, .standbys = primary + 1, .statistics = statistics, .etcd = etcd};
  for (int i = 0; i < kEtcdMembers; ++i) {
    plan.etcd_client.push_back(client + i);
    plan.etcd_peer.push_back(peer + i);
  }
  for (int i = 0; i < nodes; ++i) {
    plan.rest.push_back(rest + i);
    plan.postgresql.push_back(postgresql + i);
  }
  return plan;
}

PortPlan free_plan(int nodes) {
  PortPlan plan;
  std::vector<UniqueFd> held;  // until all are chosen, so that they differ
  const auto next = [&] {
    held.push_back(listen_on(0));
    if (!held.back().is_open())
      throw LocalError(std::string("cannot choose a free port: ") + std::strerror(errno));
    return port_of(held.back());
  };
  for (int* port : {&plan.primary, &plan.standbys, &plan.statistics, &plan.etcd})
    *port = next();
  for (int i = 0; i < kEtcdMembers; ++i) {
    plan.etcd_client.push_back(next());
    plan.etcd_peer.push_back(next());
  }
  for (int i = 0; i < nodes; ++i) {
    plan.rest.push_back(next());
    plan.postgresql.push_back(next());
  }
  return plan;
}

}  // namespace

PortPlan plan_ports(std::optional<int> base, int nodes) {
  if (nodes < 1 || nodes > kNodesMax)
    throw LocalError("--nodes " + std::to_string(nodes) + ": from 1 to " +
                     std::to_string(kNodesMax) + " are possible");
  if (!base) return fixed_plan(5432, 8080, 2379, 12379, 12479, 8008, 15432, nodes);
  if (*base == 0) return free_plan(nodes);
  if (*base < 1024 || *base > 65535 - 60)
    throw LocalError("--port-base " + std::to_string(*base) +
                     ": must be 0 (free ports) or from 1024 to 65475");
  return fixed_plan(*base, *base + 2, *base + 3, *base + 4, *base + 7, *base + 10, *base + 30,
                    nodes);
}

std::string describe_taken(const std::vector<PortUse>& wanted) {
  std::string text;
  for (const auto& [port, what_for] : wanted) {
    if (listen_on(port).is_open()) continue;
    const int code = errno;
    text += "\n  " + std::to_string(port) + " (" + what_for + "): ";
    text += code == EADDRINUSE ? "held by " + holder_of(port) : std::strerror(code);
  }
  return text;
}

}  // namespace pgherd::local
