#include "postgres/local/filling_command.h"

#include <fmt/core.h>
#include <sys/stat.h>
#include <unistd.h>

#include <charconv>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string_view>

#include "runtime/asio_clock.h"
#include "runtime/log.h"
#include "runtime/process_identity.h"

namespace pgherd {
namespace {

namespace asio = boost::asio;
namespace fs = std::filesystem;

constexpr std::string_view kVariable = "PGHERD_FILLS";
constexpr Duration kDeathGrace = 10s;

void add_own(const FillingCommand& command, std::vector<std::string>& arguments) {
  for (const auto& [name, value] : command.arguments)
    arguments.push_back(fmt::format("--{}={}", name, value));
}

bool is_empty(const std::string& directory) {
  std::error_code error;
  return fs::is_empty(directory, error) || error;
}

// The environment is the command's name tag: children inherit it, in whatever session they are.
bool has_in_environment(pid_t pid, const std::string& entry) {
  std::ifstream file(fmt::format("/proc/{}/environ", pid), std::ios::binary);
  for (std::string found; std::getline(file, found, '\0');)
    if (found == entry) return true;
  return false;
}

std::vector<ProcessIdentity> processes_that_fill(const std::string& data_dir) {
  const std::string entry = fmt::format("{}={}", kVariable, data_dir);
  std::vector<ProcessIdentity> found;
  std::error_code error;
  for (fs::directory_iterator at("/proc", error), end; !error && at != end; at.increment(error)) {
    const std::string name = at->path().filename().string();
    pid_t pid = 0;
    const auto read = std::from_chars(name.data(), name.data() + name.size(), pid);
    if (read.ptr != name.data() + name.size() || pid == ::getpid()) continue;
    const auto process = identify_process(pid);
    if (process && has_in_environment(pid, entry)) found.push_back(*process);
  }
  return found;
}

// PostgreSQL would refuse a directory that others can read; a command often makes it anew.
void close_to_others(const std::string& data_dir) {
  struct stat facts{};
  if (::stat(data_dir.c_str(), &facts) == 0 && (facts.st_mode & (S_IWGRP | S_IRWXO)) != 0)
    if (::chmod(data_dir.c_str(), 0700) != 0) log_warning("cannot set mode 0700 of {}", data_dir);
}

Attempt judge_what_is_left(const std::string& data_dir) {
  if (is_empty(data_dir))
    return failed("it exited with status 0, but " + data_dir + " holds nothing");
  // Our mark lies in it, so that it looks broken as a whole.
  const DirectoryLook look = look_at_data_directory(data_dir);
  std::string missing = look.major_version == 0 ? "PG_VERSION" : "";
  if (missing.empty() && !look.control) missing = "global/pg_control";
  std::error_code error;
  for (const char* directory : {"base", "pg_wal", "pg_xact"})
    if (missing.empty() && !fs::is_directory(data_dir + "/" + directory, error))
      missing = directory;
  if (missing.empty()) return {};
  return failed(
      fmt::format("it exited with status 0, but {} holds no whole cluster: {} is missing "
                  "or cannot be read",
                  data_dir, missing));
}

asio::awaitable<Attempt> run_alone(ActContext& context, const ActControl& control, FillingRun run) {
  ProcessSpec spec;
  spec.argv = std::move(run.words);
  for (std::string& argument : run.arguments)
    spec.argv.push_back(std::move(argument));
  spec.env = std::move(run.env);
  const std::string data_dir = context.config->data_dir;
  spec.env.emplace_back(std::string(kVariable), data_dir);
  spec.on_line = [key = run.key](OutputOf, std::string_view line) {
    log_info("{}: {}", key, line);
  };
  // Programs want an empty directory, so our mark follows the first file; a restore removes what is
  // not of the backup, so it is set again.
  const auto mark = [data_dir] {
    if (!is_empty(data_dir)) (void)keep_marked_unfinished(data_dir);
  };
  const auto end = co_await run_tool(context, control, std::move(spec), mark);
  if (!end) co_return tl::unexpected(end.error());
  close_to_others(data_dir);
  if (auto marked = is_empty(data_dir) ? Attempt{} : mark_unfinished(data_dir); !marked)
    co_return marked;
  co_return judge_what_is_left(data_dir);
}

}  // namespace

std::vector<std::string> replica_arguments(const FillingCommand& command, const std::string& scope,
                                           const std::string& data_dir,
                                           const std::string& connstring) {
  std::vector<std::string> arguments;
  add_own(command, arguments);
  if (!command.no_params)
    for (std::string standard : {"--scope=" + scope, std::string("--role=replica"),
                                 "--datadir=" + data_dir, "--connstring=" + connstring})
      arguments.push_back(std::move(standard));
  return arguments;
}

std::vector<std::string> bootstrap_arguments(const FillingCommand& command,
                                             const std::string& scope,
                                             const std::string& data_dir) {
  std::vector<std::string> arguments;
  if (!command.no_params) arguments = {"--scope=" + scope, "--datadir=" + data_dir};
  add_own(command, arguments);
  return arguments;
}

asio::awaitable<Attempt> end_filling_commands(ActContext& context) {
  const std::string data_dir = context.config->data_dir;
  const Instant deadline = boottime_now() + kDeathGrace;
  for (bool is_first = true;; is_first = false) {
    auto look = [data_dir] { return processes_that_fill(data_dir); };
    const auto left = co_await on_disk(context, std::move(look));
    if (left.empty()) co_return Attempt{};
    if (is_first)
      log_warning("killing {} processes that a command has left at work on {}", left.size(),
                  data_dir);
    for (const ProcessIdentity& process : left)
      signal_process(process, SIGKILL);
    if (boottime_now() > deadline)
      co_return failed(fmt::format("process {}, which fills {}, does not end after SIGKILL",
                                   left.front().pid, data_dir));
    co_await pause_for(20ms);
  }
}

asio::awaitable<Attempt> run_filling_command(ActContext& context, const ActControl& control,
                                             FillingRun run) {
  if (auto alone = co_await end_filling_commands(context); !alone) co_return alone;
  const std::string key = run.key;
  if (run.words.empty()) co_return failed(key + ".command is empty");
  log_info("{}: running {}", key, run.words.front());
  auto ran = co_await run_alone(context, control, std::move(run));
  if (ran) co_return ran;
  Failure failure = ran.error();
  failure.text = key + ": " + failure.text;
  if (auto ended = co_await end_filling_commands(context); !ended)
    failure.text += "; " + ended.error().text;
  co_return tl::unexpected(failure);
}

}  // namespace pgherd
