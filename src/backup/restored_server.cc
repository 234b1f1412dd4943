#include "backup/restored_server.h"

#include <fmt/format.h>

#include <charconv>
#include <csignal>

#include "backup/errors.h"
#include "backup/trial_server.h"
#include "runtime/environment.h"
#include "runtime/files.h"

namespace pgherd::backup {
namespace {

constexpr std::size_t kLogLinesMax = 200;
// Where a postmaster writes whether it accepts connections (PostgreSQL, src/include/miscadmin.h).
constexpr int kStatusLine = 8;
constexpr const char* kOwnConfiguration =
    "# Made by a restore test. All settings are arguments of postgres.\n";

// Another server's address, password file and options are of no use here.
std::vector<std::string> variables_of_libpq() {
  std::vector<std::string> names;
  for (const auto& [name, value] : process_environment())
    if (name.starts_with("PG") && !name.starts_with("PGBACKREST_")) names.push_back(name);
  return names;
}

ProcessSpec tool(std::vector<std::string> argv) {
  ProcessSpec spec;
  spec.argv = std::move(argv);
  spec.env_unset = variables_of_libpq();
  spec.env = {{"LC_ALL", "C"}};
  return spec;
}

std::string trimmed(std::string text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == ' '))
    text.pop_back();
  return text;
}

// What it complained of, and what it found: pg_amcheck says that on stdout.
std::string said(const ProcessEnd& end) {
  constexpr std::size_t kShown = 2000;
  std::string text = trimmed(end.err);
  const std::string found = trimmed(end.out);
  if (!found.empty()) text += (text.empty() ? "" : "\n") + found;
  if (text.size() > kShown) text = text.substr(0, kShown) + "...";
  return text.empty() ? "it said nothing" : text;
}

void write(const std::string& path, const std::string& text) {
  if (const auto written = write_file_atomically(path, text, 0600); !written)
    throw BackupError(written.error().text);
}

// "postgres (PostgreSQL) 17.5 (Debian 17.5-1)" has "17".
bool is_of_version(std::string_view line, const std::string& version) {
  const auto at = line.find(") ");
  if (at == line.npos) return false;
  const std::string_view number = line.substr(at + 2);
  return number.starts_with(version) && number.size() > version.size() &&
         (number[version.size()] < '0' || number[version.size()] > '9');
}

bool has_version(Children& children, const std::string& bin_dir, const std::string& version,
                 std::string& seen) {
  try {
    const ProcessEnd end = children.run(tool({bin_dir + "postgres", "--version"}));
    seen = end.succeeded() ? trimmed(end.out) : describe(end);
    return end.succeeded() && is_of_version(end.out, version);
  } catch (const BackupError& error) {
    seen = error.what();
    return false;
  }
}

}  // namespace

ServerPrograms find_programs(Children& children, ServerPrograms wanted,
                             const std::string& version) {
  const std::string named = wanted.bin_dir;
  std::vector<std::string> places{named + "/"};
  if (named.empty()) places = {fmt::format("/usr/lib/postgresql/{}/bin/", version), ""};
  std::string seen;
  for (const std::string& place : places) {
    if (!has_version(children, place, version, seen)) continue;
    wanted.bin_dir = place;
    return wanted;
  }
  throw Refusal(
      fmt::format("the backup is of PostgreSQL {}, and {} says: {}. Name the folder of "
                  "its programs with --pg-bindir",
                  version, named.empty() ? "postgres in PATH" : named + "/postgres", seen));
}

RestoredServer::RestoredServer(Children& children, const Scratch& scratch,
                               const ServerPrograms& programs)
    : children_(children), scratch_(scratch), programs_(programs) {}

RestoredServer::~RestoredServer() {
  if (!server_) return;
  children_.begin_cleanup();
  children_.end(*server_, SIGQUIT, 20s);
}

std::string RestoredServer::program(const std::string& name) const {
  return programs_.bin_dir + name;
}

void RestoredServer::hear(std::string_view line) {
  if (std::string segment = restored_segment(line); !segment.empty())
    last_segment_ = std::move(segment);
  if (log_.size() >= kLogLinesMax) log_.erase(log_.begin());
  log_.emplace_back(line);
}

void RestoredServer::start() {
  const ProcessEnd control =
      children_.run(tool({program("pg_controldata"), "-D", scratch_.data()}));
  if (!control.succeeded())
    throw BackupError("pg_controldata of what was restored: " + said(control));
  const auto values = parse_controldata(control.out);
  const auto found = values.find("track_commit_timestamp setting");
  keeps_commit_times_ = found != values.end() && found->second == "on";

  const TrialPlaces places{.data = scratch_.data(),
                           .socket_dir = scratch_.socket_dir(),
                           .config_file = scratch_.file("postgresql.conf"),
                           .hba_file = scratch_.file("pg_hba.conf"),
                           .ident_file = scratch_.file("pg_ident.conf")};
  write(places.config_file, kOwnConfiguration);
  write(places.hba_file, "local all all trust\n");
  write(places.ident_file, "");
  ProcessSpec spec = tool({program("postgres")});
  const auto arguments = server_arguments(places, values);
  spec.argv.insert(spec.argv.end(), arguments.begin(), arguments.end());
  // The spool of asynchronous archiving may be that of a server which is at work on this host.
  spec.env.emplace_back("PGBACKREST_ARCHIVE_ASYNC", "n");
  spec.dies_with_parent = true;
  spec.on_line = [this](OutputOf, std::string_view line) { hear(line); };
  server_ = children_.start(std::move(spec));
}

bool RestoredServer::is_open() const {
  const auto file = read_file(scratch_.data() + "/postmaster.pid");
  if (!file) return false;
  std::string_view text = *file;
  for (int line = 1; line < kStatusLine; ++line) {
    const auto end = text.find('\n');
    if (end == text.npos) return false;
    text.remove_prefix(end + 1);
  }
  return text.starts_with("ready");
}

void RestoredServer::wait_until_open() {
  while (!is_open()) {
    static_cast<void>(children_.left("recovery"));
    children_.wait(*server_, 50ms);
    if (server_->has_ended())
      throw BackupError("PostgreSQL did not recover: " + reason_in_server_log(log_));
  }
}

ProcessSpec RestoredServer::client(const std::string& name) const {
  return tool({program(name), "--host=" + scratch_.socket_dir(), "--port=5432",
               "--username=" + programs_.user, "--no-password"});
}

std::string RestoredServer::ask(const std::string& sql) {
  ProcessSpec spec = client("psql");
  spec.argv.insert(spec.argv.end(),
                   {"--no-psqlrc", "--quiet", "--no-align", "--tuples-only",
                    "--set=ON_ERROR_STOP=1", "--dbname=" + programs_.database, "--command=" + sql});
  const ProcessEnd end = children_.run(std::move(spec));
  if (!end.succeeded()) {
    const std::string fate =
        server_->has_ended() ? " (PostgreSQL has ended: " + reason_in_server_log(log_) + ")" : "";
    throw BackupError(
        fmt::format("`{}` in database {}: {}{}", sql, programs_.database, said(end), fate));
  }
  return trimmed(end.out);
}

std::optional<NewestCommit> RestoredServer::newest_commit() {
  const auto moment = [&](const std::string& of,
                          const std::string& source) -> std::optional<NewestCommit> {
    const std::string text = ask("select (extract(epoch from " + of + ") * 1000000)::bigint");
    std::int64_t microseconds = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), microseconds);
    if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
    return NewestCommit{.at = WallTime{microseconds}, .source = source};
  };
  if (keeps_commit_times_) {
    if (auto commit =
            moment("(select timestamp from pg_last_committed_xact())", "pg_last_committed_xact"))
      return commit;
  }
  return moment("pg_last_xact_replay_timestamp()", "pg_last_xact_replay_timestamp");
}

std::string RestoredServer::check_relations() {
  const std::string extensions =
      ask("select count(*) from pg_available_extensions where name = 'amcheck'");
  if (extensions == "0") return "the extension amcheck is not installed (postgresql-contrib)";
  try {
    static_cast<void>(children_.run(tool({program("pg_amcheck"), "--version"})));
  } catch (const BackupError& error) {
    return error.what();
  }
  ProcessSpec spec = client("pg_amcheck");
  spec.argv.insert(spec.argv.end(), {"--all", "--install-missing"});
  const ProcessEnd end = children_.run(std::move(spec));
  if (!end.succeeded()) throw BackupError("pg_amcheck: " + said(end));
  return "";
}

}  // namespace pgherd::backup
