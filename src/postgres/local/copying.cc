// Moving the data directory aside, emptying it, and filling it with a copy (PostgreSQL manual,
// pg_basebackup; Patroni postgresql/bootstrap.py).
#include <fmt/core.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <string_view>

#include "postgres/local/config_files.h"
#include "postgres/local/shop.h"
#include "runtime/log.h"

namespace pgherd {
namespace {

namespace asio = boost::asio;

constexpr std::array<std::string_view, 12> kForbiddenBasebackup{
    "pgdata", "format", "wal-method", "xlog-method", "gzip",     "version",
    "dbname", "host",   "port",       "username",    "password", "target"};

void add_basebackup_options(const OptionList& options, std::vector<std::string>& argv) {
  bool has_checkpoint = false;
  for (const auto& [name, value] : options) {
    const bool is_client_compression = name == "compress" && !value.starts_with("server");
    if (is_client_compression || std::find(kForbiddenBasebackup.begin(), kForbiddenBasebackup.end(),
                                           name) != kForbiddenBasebackup.end()) {
      log_error("postgresql.basebackup: the option {} is left out, pgherd sets it or cannot use it",
                name);
      continue;
    }
    has_checkpoint = has_checkpoint || name == "checkpoint";
    argv.push_back(value.empty() ? "--" + name : fmt::format("--{}={}", name, value));
  }
  // A spread checkpoint on the source would let a new standby wait for minutes.
  if (!has_checkpoint) argv.push_back("--checkpoint=fast");
}

constexpr Duration kSlotLimit = 5s;

// Before the copy begins, so that no WAL that it needs afterwards goes, and its receiver does not
// find it missing. Without it the copy is as good: the source's agent makes it in time, too.
asio::awaitable<void> make_slot(Shop& shop, Upstream source) {
  constexpr std::string_view kExistsAlready = "42710";
  if (source.slot.empty() || source.is_remote) co_return;
  const auto config = shop.config;
  ConnInfo info = tool_conninfo(*config, config->replication, source, "");
  info.set_if_any("password", config->replication.password);
  info.remove("passfile");
  info.set("replication", "1");
  info.set("application_name", shop.self);
  std::string sql = fmt::format("CREATE_REPLICATION_SLOT \"{}\" PHYSICAL RESERVE_WAL", source.slot);
  const auto made = co_await query_once(std::move(info), std::move(sql), kSlotLimit, kSlotLimit);
  if (!made && made.error().sqlstate != kExistsAlready)
    log_warning("cannot make the replication slot {} on {}: {}", source.slot, source.name,
                made.error().text);
}

bool is_empty(const std::string& directory) {
  std::error_code error;
  return std::filesystem::is_empty(directory, error) || error;
}

asio::awaitable<Attempt> empty_on_disk(Shop& shop, std::string data_dir) {
  auto work = [data_dir] { return empty_data_directory(data_dir); };
  co_return co_await on_disk(shop, std::move(work));
}

asio::awaitable<Attempt> run_basebackup(Shop& shop, const ActControl& control, Upstream source) {
  const auto config = shop.config;
  if (auto written = write_pgpass(*config, source); !written) co_return written;
  ConnInfo info = tool_conninfo(*config, config->replication, source, "");
  info.set("application_name", shop.self);
  ProcessSpec spec;
  spec.argv = {shop.program("pg_basebackup"), "--pgdata=" + config->data_dir, "--wal-method=stream",
               "--dbname=" + info.to_string(), "--no-password"};
  add_basebackup_options(config->basebackup, spec.argv);
  spec.env = {{"PGPASSFILE", config->pgpass}, {"LC_ALL", "C"}};
  // pg_basebackup wants an empty directory, so our marker follows its first file.
  auto is_marked = std::make_shared<bool>(false);
  const auto mark = [is_marked, data_dir = config->data_dir] {
    if (!*is_marked && !is_empty(data_dir)) *is_marked = mark_unfinished(data_dir).has_value();
  };
  const auto end = co_await run_tool(shop, control, std::move(spec), mark);
  if (!end) co_return tl::unexpected(end.error());
  co_return Attempt{};
}

Attempt finish_copy(const PostgresConfig& config) {
  // The source's own, if it lay in its data directory.
  ::unlink((config.data_dir + "/pgherd_postmaster.log").c_str());
  restore_config_copies(config);
  // Before the marker goes: started by whomsoever, this copy must not become a primary.
  if (auto done = set_standby_signal(config.data_dir, true); !done) return done;
  return mark_finished(config.data_dir);
}

asio::awaitable<Attempt> fill(Shop& shop, const ActControl& control, Upstream source) {
  const auto config = shop.config;
  co_await make_slot(shop, source);
  if (auto copied = co_await run_basebackup(shop, control, source); !copied) {
    // What is left of it is ours; a directory that cannot be emptied keeps its marker.
    if (auto marked = mark_unfinished(config->data_dir); marked)
      if (auto emptied = co_await empty_on_disk(shop, config->data_dir); !emptied)
        log_warning("{}", emptied.error().text);
    co_return copied;
  }
  co_return finish_copy(*config);
}

}  // namespace

Act act_set_aside(Shop& shop, ActControl&, SetAsideDataDirectory step) {
  const std::string data_dir = shop.config->data_dir;
  if (shop.postmaster->look() != ProcessState::Stopped)
    co_return failed(fmt::format("PostgreSQL runs in {} (pid {}); it is not moved aside", data_dir,
                                 shop.postmaster->pid()));
  const DirectoryLook look = look_at_data_directory(data_dir);
  if (look.state == DataDirectory::Missing) co_return data_dir + " is empty already";
  if (look.is_ours_unfinished) {
    auto emptied = co_await empty_on_disk(shop, data_dir);
    if (!emptied) co_return tl::unexpected(emptied.error());
    co_return "removed an unfinished copy of our own from " + data_dir;
  }
  if (auto cleared = co_await shop.postmaster->kill_leftovers(); !cleared)
    co_return tl::unexpected(cleared.error());
  const auto aside = set_aside(data_dir);
  if (!aside) co_return tl::unexpected(aside.error());
  co_return fmt::format("moved {} to {} ({})", data_dir, *aside, step.why);
}

Act act_clone(Shop& shop, ActControl& control, CloneFrom step) {
  const auto config = shop.config;
  const DirectoryLook look = look_at_data_directory(config->data_dir);
  if (look.is_ours_unfinished) {
    auto emptied = co_await empty_on_disk(shop, config->data_dir);
    if (!emptied) co_return tl::unexpected(emptied.error());
  } else if (look.state != DataDirectory::Missing) {
    co_return failed(fmt::format("{} is not empty ({}); a copy goes into an empty directory only",
                                 config->data_dir,
                                 look.problem.empty() ? "it holds a cluster" : look.problem));
  }
  if (auto made = make_empty_directory(config->data_dir); !made)
    co_return tl::unexpected(made.error());
  shop.is_filling_directory = true;
  const auto filled = co_await fill(shop, control, step.source);
  shop.is_filling_directory = false;
  if (!filled) {
    Failure failure = filled.error();
    failure.text = fmt::format("copying from {} ({}:{}) failed: {}", step.source.name,
                               step.source.host, step.source.port, failure.text);
    co_return tl::unexpected(failure);
  }
  co_return fmt::format("copied from {} ({}:{})", step.source.name, step.source.host,
                        step.source.port);
}

Act act_remove_directory(Shop& shop, ActControl&, RemoveDataDirectory step) {
  const std::string data_dir = shop.config->data_dir;
  if (shop.postmaster->look() != ProcessState::Stopped)
    co_return failed(fmt::format("PostgreSQL runs in {} (pid {}); it is not removed", data_dir,
                                 shop.postmaster->pid()));
  if (auto cleared = co_await shop.postmaster->kill_leftovers(); !cleared)
    co_return tl::unexpected(cleared.error());
  log_warning("removing the content of {}: {}", data_dir, step.why);
  auto emptied = co_await empty_on_disk(shop, data_dir);
  if (!emptied) co_return tl::unexpected(emptied.error());
  co_return fmt::format("removed the content of {} ({})", data_dir, step.why);
}

}  // namespace pgherd
