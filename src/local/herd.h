// Herd: what runs on this machine and where, as it stands in <dir>/herd.json. Written by `up` (the
// plan) and, while there is one, by the supervisor (pids, states). Black-box tests read it too:
//
//   nodes.<name>:   pid (of the agent), rest_port, pg_port, data_dir, config, log, state
//   etcd.<name>:    pid, client_port, peer_port, data_dir, log, state
//   proxy, and haproxy or router: pid, ports, log, state
//   ports:          primary, standbys, statistics, etcd
//   supervisor:     pid, log
//
// A pid is 0 while the program does not run.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "runtime/process_identity.h"

namespace pgherd::local {

enum class PartKind { Etcd, Proxy, Agent, Haproxy, Router };
// What stands between clients and the nodes: HAProxy, or this program as a router.
enum class BalancerKind { Haproxy, Router };
enum class PartState { Stopped, Running, Waiting };  // Waiting: ended, to be started again

// One program of the herd.
struct Part {
  std::string name;
  PartKind kind = PartKind::Agent;
  std::vector<std::string> argv;
  std::string log;
  std::string data_dir;
  std::string config;
  std::map<std::string, int> ports;  // what for -> number
  // What the supervisor knows.
  PartState state = PartState::Stopped;
  ProcessIdentity process;
  int restarts = 0;
  std::string last_end;
};

struct Herd {
  std::string dir;  // absolute
  std::string scope = "pgherd";
  std::string user;  // who runs it; "" = whoever calls
  std::string pg_bindir;
  int ttl = 5;
  int loop_wait = 1;
  int retry_timeout = 1;
  int primary_port = 0;
  int standby_port = 0;
  int statistics_port = 0;
  int etcd_port = 0;
  std::vector<Part> parts;  // in the order of starting
  ProcessIdentity supervisor;

  [[nodiscard]] std::vector<const Part*> agents() const;
  [[nodiscard]] const Part* find(const std::string& name) const;
  [[nodiscard]] BalancerKind balancer() const;
  [[nodiscard]] std::string path(const std::string& below) const { return dir + "/" + below; }
};

// Throws LocalError if it cannot be written.
void save_herd(const Herd& herd);
// Empty: there is no herd in this directory. Throws LocalError if its file cannot be understood.
[[nodiscard]] std::optional<Herd> load_herd(const std::string& dir);

// The file whose presence says "pgherd local made this directory, and may remove it".
[[nodiscard]] std::string marker_of(const std::string& dir);

// The process that holds the lock on <dir>/supervisor.pid; empty if there is none.
[[nodiscard]] std::optional<ProcessIdentity> running_supervisor(const std::string& dir);

// The PostgreSQL that runs on a data directory, with or without its agent.
[[nodiscard]] std::optional<ProcessIdentity> running_postmaster(const std::string& data_dir);

}  // namespace pgherd::local
