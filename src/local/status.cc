#include <fmt/format.h>
#include <unistd.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <cerrno>
#include <cstring>
#include <filesystem>

#include "local/actions.h"
#include "local/configs.h"
#include "local/errors.h"
#include "local/topology.h"
#include "runtime/process.h"

namespace pgherd::local {
namespace {

const char* text_of(PartState state) {
  switch (state) {
    case PartState::Stopped:
      return "stopped";
    case PartState::Running:
      return "running";
    case PartState::Waiting:
      return "restarting";
  }
  return "?";
}

void print_parts(const Herd& herd) {
  fmt::print("\n{:<10} {:<11} {:>8} {:>9}  {}\n", "program", "state", "pid", "restarts", "ports");
  for (const Part& part : herd.parts) {
    std::string ports;
    for (const auto& [what, port] : part.ports)
      ports += fmt::format("{} {}  ", what, port);
    fmt::print("{:<10} {:<11} {:>8} {:>9}  {}\n", part.name, text_of(part.state), part.process.pid,
               part.restarts, ports);
  }
}

void print_members(const std::vector<MemberLook>& members) {
  fmt::print("\n{:<10} {:<15} {:<12} {:>8}\n", "member", "role", "state", "timeline");
  for (const auto& member : members) {
    const std::string state = member.is_streaming ? "streaming" : member.state;
    fmt::print("{:<10} {:<15} {:<12} {:>8}\n", member.name,
               member.answers ? member.role : "(silent)", state, member.timeline);
  }
}

// The operator's own view, from the store. False: it could not be had.
bool print_ctl_list(const Herd& herd) {
  boost::asio::io_context loop;
  ProcessSpec spec;
  spec.argv = {herd.agents().front()->argv.front(), "ctl", "-c", herd.path("patronictl.yml"),
               "list"};
  spec.timeout = 5s;
  std::string table;
  boost::asio::co_spawn(loop, run_process(std::move(spec)),
                        [&](const std::exception_ptr& error, Result<ProcessEnd, std::string> end) {
                          if (!error && end && end->succeeded()) table = end->out;
                        });
  loop.run();
  if (table.empty()) return false;
  fmt::print("\n{}", table);
  return true;
}

void print_hints(const Herd& herd) {
  const std::string program = herd.agents().front()->argv.front();
  const std::string dir = " --dir " + herd.dir;
  fmt::print(
      "\n"
      "  write        psql \"{}\"\n"
      "  read         psql \"{}\"\n"
      "  statistics   http://127.0.0.1:{}/ (user {}, password: \"statistics\" in {})\n"
      "\n"
      "  look         {} ctl -c {} list\n"
      "  break        kill -9 a pid of: {} local status{}\n"
      "  logs         {} local logs{} -f\n"
      "  stop         {} local down{}\n",
      write_dsn(herd), read_dsn(herd), herd.statistics_port, kStatisticsUser,
      herd.path("secrets.json"), program, herd.path("patronictl.yml"), program, dir, program, dir,
      program, dir);
}

Herd known_herd(const HerdOptions& options) {
  const std::string dir = find_dir(options);
  auto herd = load_herd(dir);
  if (!herd) throw LocalError("there is no herd in " + dir + ": pgherd local up");
  return *herd;
}

}  // namespace

bool show(const std::string& dir) {
  const auto herd = load_herd(dir);
  if (!herd) throw LocalError("there is no herd in " + dir);
  const auto members = look_at_members(*herd);
  if (!print_ctl_list(*herd)) print_members(members);
  print_hints(*herd);
  return is_complete(*herd, members, look_at_balancer(*herd, load_secrets(dir)));
}

int status(const HerdOptions& options) {
  const Herd herd = known_herd(options);
  const auto supervisor = running_supervisor(herd.dir);
  if (!supervisor) {
    fmt::print("The herd in {} is not running.\n", herd.dir);
    for (const Part& part : herd.parts)
      if (is_running(part.process))
        fmt::print("  {} runs unsupervised, process {}; `up` adopts it, `down` stops it\n",
                   part.name, part.process.pid);
    return 3;
  }
  fmt::print("The herd in {} is kept alive by process {}.\n", herd.dir, supervisor->pid);
  print_parts(herd);
  if (show(herd.dir)) return 0;
  fmt::print(
      "\nThe herd is not complete: some member is silent, not streaming, or unknown to HAProxy or "
      "the\n"
      "router.\n");
  return 1;
}

int print_dsn(const HerdOptions& options, bool for_reading) {
  const Herd herd = known_herd(options);
  fmt::print("{}\n", for_reading ? read_dsn(herd) : write_dsn(herd));
  return 0;
}

int logs(const HerdOptions& options, const std::string& part, bool follow, int lines) {
  const Herd herd = known_herd(options);
  std::vector<std::string> words{"tail", "-n", std::to_string(lines)};
  if (follow) words.emplace_back("-F");
  if (part.empty()) {
    for (const Part& one : herd.parts)
      words.push_back(one.log);
    words.push_back(herd.path("logs/supervisor.log"));
  } else if (part == "supervisor") {
    words.push_back(herd.path("logs/supervisor.log"));
  } else {
    const Part* found = herd.find(part);
    if (found == nullptr)
      throw LocalError("there is no \"" + part + "\" in this herd; see: pgherd local status");
    words.push_back(found->log);
  }
  std::vector<char*> argv;
  for (auto& word : words)
    argv.push_back(word.data());
  argv.push_back(nullptr);
  ::execvp("tail", argv.data());
  throw LocalError(std::string("cannot run tail: ") + std::strerror(errno));
}

}  // namespace pgherd::local
