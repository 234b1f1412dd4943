#include "daemon/validate.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/core.h>
#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <cerrno>
#include <cstring>
#include <exception>
#include <filesystem>
#include <memory>
#include <optional>
#include <sstream>

#include "codec/config_reader.h"
#include "dcs/etcd/srv_records.h"
#include "postgres/local/data_directory.h"
#include "postgres/local/programs.h"
#include "rest/tls.h"
#include "runtime/environment.h"
#include "runtime/process.h"
#include "runtime/unique_fd.h"

namespace pgherd {
namespace {

namespace fs = std::filesystem;
namespace asio = boost::asio;

constexpr int kKnockMilliseconds = 2000;
constexpr Duration kVersionLimit = 10s;

using Addresses = std::unique_ptr<addrinfo, void (*)(addrinfo*)>;

// The addresses of a host, or why there are none.
Addresses addresses_of(const std::string& host, std::uint16_t port, bool to_listen,
                       std::string& problem) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = to_listen ? AI_PASSIVE : 0;
  addrinfo* found = nullptr;
  const bool is_all = host.empty() || host == "*";
  const int code =
      ::getaddrinfo(is_all ? nullptr : host.c_str(), std::to_string(port).c_str(), &hints, &found);
  if (code != 0) problem = ::gai_strerror(code);
  return {code == 0 ? found : nullptr, ::freeaddrinfo};
}

std::vector<std::string> hosts_in(const std::string& list) {
  std::vector<std::string> hosts;
  std::istringstream words(list);
  for (std::string host; std::getline(words, host, ',');)
    hosts.push_back(host);
  if (hosts.empty()) hosts.emplace_back();
  return hosts;
}

// 0, or why nobody could listen there now.
int listening_error(const addrinfo& address) {
  const UniqueFd socket(::socket(address.ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!socket.is_open()) return 0;  // a family that this machine does not have
  const int on = 1;
  ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (address.ai_family == AF_INET6)
    ::setsockopt(socket.get(), IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
  if (::bind(socket.get(), address.ai_addr, address.ai_addrlen) != 0) return errno;
  return ::listen(socket.get(), 1) == 0 ? 0 : errno;
}

bool answers(const addrinfo& address) {
  const UniqueFd socket(::socket(address.ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket.is_open()) return false;
  if (::connect(socket.get(), address.ai_addr, address.ai_addrlen) == 0) return true;
  if (errno != EINPROGRESS) return false;
  pollfd waiting{.fd = socket.get(), .events = POLLOUT, .revents = 0};
  if (::poll(&waiting, 1, kKnockMilliseconds) != 1) return false;
  int error = 0;
  socklen_t size = sizeof error;
  return ::getsockopt(socket.get(), SOL_SOCKET, SO_ERROR, &error, &size) == 0 && error == 0;
}

void judge_listen(CheckedConfig& checked, const std::string& key, const ListenAddress& listen) {
  if (!checked.has_good(key)) return;
  const auto tell = [&](const std::string& host, const std::string& what) {
    checked.problems.push_back(fmt::format("{}: {}:{} {}", checked.place_of(key),
                                           host.empty() ? "*" : host, listen.port, what));
  };
  const std::vector<std::string> hosts = hosts_in(listen.host);
  for (const std::string& host : hosts) {
    if ((host == "*" || host == "0.0.0.0") && hosts.size() > 1)
      tell(host, "is every address and stands beside others; write it alone");
    std::string problem;
    const Addresses found = addresses_of(host, listen.port, true, problem);
    if (!found) tell(host, "cannot be looked up: " + problem);
    for (const addrinfo* one = found.get(); one != nullptr; one = one->ai_next) {
      const int code = listening_error(*one);
      if (code == EADDRINUSE) {
        tell(host,
             "is already in use; end the program that listens there or name another port (-i "
             "ignores it, for a configuration whose agent is running)");
        break;
      }
      if (code != 0) {
        tell(host, std::string("cannot be listened on here: ") + std::strerror(code));
        break;
      }
    }
  }
}

bool is_loopback(const std::string& address) {
  const auto parsed = parse_address(address, 1);
  if (!parsed) return false;
  return parsed->host == "localhost" || parsed->host == "::1" || parsed->host.starts_with("127.");
}

void judge_connect(CheckedConfig& checked, const std::string& key, const std::string& address) {
  if (!checked.has_good(key) || !is_loopback(address)) return;
  checked.loaded.warnings.push_back(fmt::format(
      "{} is '{}': only members on this machine reach it there", checked.place_of(key), address));
}

std::vector<std::string> endpoints_of(CheckedConfig& checked) {
  const EtcdConfig& config = checked.loaded.config.etcd;
  if (config.srv.empty()) return config.endpoints;
  const auto ask = [](const std::string& name) { return etcd::ask_name_servers(name); };
  auto found = etcd::members_by_srv(config.srv, config.srv_suffix, ask);
  if (found) return found->endpoints;
  checked.loaded.warnings.push_back(
      fmt::format("{} is '{}': {}", checked.place_of("etcd3.srv"), config.srv, found.error()));
  return config.endpoints;
}

void judge_store(CheckedConfig& checked) {
  for (const std::string& endpoint : endpoints_of(checked)) {
    const auto address = parse_address(endpoint, 2379);
    if (!address || checked.wrong_keys.contains("etcd3.hosts")) continue;
    std::string problem;
    const Addresses found = addresses_of(address->host, address->port, false, problem);
    bool is_there = false;
    for (const addrinfo* one = found.get(); one != nullptr && !is_there; one = one->ai_next)
      is_there = answers(*one);
    if (!is_there) {
      checked.loaded.warnings.push_back(fmt::format("etcd {} is not reachable{}", endpoint,
                                                    problem.empty() ? "" : ": " + problem));
    }
  }
}

// What `postgres --version` says.
Result<int, std::string> version_of(const std::string& program) {
  asio::io_context loop;
  ProcessSpec spec;
  spec.argv = {program, "--version"};
  spec.timeout = kVersionLimit;
  std::optional<Result<ProcessEnd, std::string>> ended;
  asio::co_spawn(loop, run_process(std::move(spec)),
                 [&](const std::exception_ptr& problem, Result<ProcessEnd, std::string> end) {
                   if (!problem) ended = std::move(end);
                 });
  loop.run();
  if (!ended) return fail(program + " could not be run");
  if (!*ended) return fail(ended->error());
  const int major = version_in((*ended)->out);
  if (!(*ended)->succeeded() || major == 0)
    return fail(fmt::format("{} --version {}: {}", program, describe(**ended), (*ended)->err));
  return major;
}

// The major version of the programs, nullopt when they cannot be used.
std::optional<int> judge_programs(CheckedConfig& checked) {
  const PostgresConfig& config = checked.loaded.config.postgresql;
  const std::string key =
      checked.has_good("postgresql.bin_dir") ? "postgresql.bin_dir" : "postgresql";
  if (checked.wrong_keys.contains("postgresql.bin_dir")) return std::nullopt;
  std::string missing;
  std::vector<std::string> needed{"postgres", "initdb", "pg_basebackup"};
  if (checked.loaded.initial_settings.use_pg_rewind) needed.emplace_back("pg_rewind");
  for (const std::string& program : needed) {
    const std::string path = path_of_program(program_of(config, program));
    if (path.empty()) missing.append(missing.empty() ? "" : ", ").append(program);
  }
  if (!missing.empty()) {
    checked.problems.push_back(fmt::format(
        "{}: {} {} not in {}; set postgresql.bin_dir to where PostgreSQL's programs are",
        checked.place_of(key), missing, missing.find(',') == std::string::npos ? "is" : "are",
        config.bin_dir.empty() ? std::string("PATH") : config.bin_dir));
    return std::nullopt;
  }
  const std::string server = path_of_program(program_of(config, "postgres"));
  if (auto named = expect_name_of_postgres(server); !named) {
    checked.problems.push_back(checked.place_of(key) + ": " + named.error().text);
    return std::nullopt;
  }
  const Result<int, std::string> major = version_of(server);
  if (!major) {
    checked.problems.push_back(checked.place_of(key) + ": " + major.error());
    return std::nullopt;
  }
  return *major;
}

void judge_data_directory(CheckedConfig& checked, std::optional<int> major) {
  const std::string key = "postgresql.data_dir";
  if (!checked.has_good(key)) return;
  const std::string& data_dir = checked.loaded.config.postgresql.data_dir;
  const auto tell = [&](const std::string& what) {
    checked.problems.push_back(fmt::format("{}: {} {}", checked.place_of(key), data_dir, what));
  };
  std::error_code error;
  if (!fs::exists(data_dir, error)) return;
  if (!fs::is_directory(data_dir, error)) return tell("is no directory");
  if (fs::is_empty(data_dir, error) && !error) return;
  if (error) return tell("cannot be looked into: " + error.message());
  const DirectoryLook look = look_at_data_directory(data_dir, Mark::Counts);
  // The agent itself makes good what it or PostgreSQL has left half done.
  if (look.is_ours_unfinished || look.state == DataDirectory::Missing) return;
  if (!fs::exists(data_dir + "/PG_VERSION", error) && !error)
    return tell("is no data directory of PostgreSQL, and not empty");
  if (look.state != DataDirectory::Valid) {
    checked.loaded.warnings.push_back(fmt::format("{}: {}", checked.place_of(key), look.problem));
  }
  if (major && look.major_version != 0 && *major != look.major_version) {
    tell(
        fmt::format("was made by PostgreSQL {}, but the programs are version {}: set "
                    "postgresql.bin_dir to those of version {}",
                    look.major_version, *major, look.major_version));
  }
}

// What only the TLS library can judge: files, passphrases, ciphers.
void judge_certificates(CheckedConfig& checked) {
  const AgentConfig& config = checked.loaded.config;
  const auto tell = [&](const std::exception& problem) {
    checked.problems.emplace_back(problem.what());
  };
  try {
    if (!config.restapi.certfile.empty()) (void)make_server_tls(config.restapi);
  } catch (const std::exception& problem) {
    tell(problem);
  }
  try {
    (void)make_client_tls(client_security(config.ctl, config.restapi));
  } catch (const std::exception& problem) {
    tell(problem);
  }
}

}  // namespace

void judge_on_this_machine(CheckedConfig& checked, ValidateOptions options) {
  const AgentConfig& config = checked.loaded.config;
  if (!options.ignores_taken_ports) {
    judge_listen(checked, "restapi.listen", config.restapi.listen);
    judge_listen(checked, "postgresql.listen", config.postgresql.listen);
  }
  judge_connect(checked, "restapi.connect_address", config.restapi.connect_address);
  judge_connect(checked, "postgresql.connect_address", config.postgresql.connect_address);
  judge_data_directory(checked, judge_programs(checked));
  judge_certificates(checked);
  judge_store(checked);
}

int validate_config(const std::string& config_path, ValidateOptions options) {
  try {
    CheckedConfig checked = check_config(config_path, process_environment());
    if (!options.only_file) judge_on_this_machine(checked, options);
    for (const std::string& problem : checked.problems)
      fmt::print(stderr, "pgherd: {}\n", problem);
    for (const std::string& warning : checked.loaded.warnings)
      fmt::print(stderr, "warning: {}\n", warning);
    if (!checked.problems.empty()) return 1;
    if (options.prints) fmt::print("{}", checked.effective_yaml);
    return 0;
  } catch (const std::exception& problem) {
    fmt::print(stderr, "pgherd: {}\n", problem.what());
    return 1;
  }
}

}  // namespace pgherd
