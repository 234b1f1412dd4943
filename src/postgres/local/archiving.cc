#include "postgres/local/archiving.h"

#include <fmt/core.h>

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <vector>

#include "postgres/local/config_files.h"
#include "postgres/local/pg_control.h"
#include "postgres/local/settings_check.h"
#include "postgres/local/wal_record.h"
#include "runtime/asio_clock.h"
#include "runtime/log.h"

namespace pgherd {
namespace {

namespace asio = boost::asio;
namespace fs = std::filesystem;

constexpr Duration kSegmentLimit = 60s;
constexpr int kTries = 3;

// "" when nothing is archived by a command.
asio::awaitable<std::string> command_of(ActContext& context, const ActControl& control) {
  const std::string mode = co_await setting_of(context, control, "archive_mode");
  if (mode != "on" && mode != "always") co_return std::string();
  std::string command = co_await setting_of(context, control, "archive_command");
  co_return command == "(disabled)" ? std::string() : command;
}

asio::awaitable<Attempt> archive(ActContext& context, const ActControl& control,
                                 std::string command, std::string segment,
                                 Duration limit = kSegmentLimit) {
  ProcessSpec spec;
  spec.argv = {"/bin/sh", "-c", archive_command_for(command, segment)};
  spec.cwd = context.config->data_dir;
  spec.timeout = limit;
  const auto end = co_await run_tool(context, control, std::move(spec));
  if (!end) co_return tl::unexpected(end.error());
  co_return Attempt{};
}

std::string status_directory(const ActContext& context) {
  return context.config->data_dir + "/pg_wal/archive_status";
}

bool is_archived(const ActContext& context, const std::string& segment) {
  std::error_code ignored;
  return fs::exists(status_directory(context) + "/" + segment + ".done", ignored);
}

void mark_archived(const ActContext& context, const std::string& segment) {
  const std::string path = status_directory(context) + "/" + segment;
  std::error_code error;
  fs::rename(path + ".ready", path + ".done", error);
  if (error) log_warning("cannot mark {} as archived: {}", segment, error.message());
}

bool is_in_pg_wal(const ActContext& context, const std::string& segment) {
  std::error_code ignored;
  return fs::is_regular_file(context.config->data_dir + "/pg_wal/" + segment, ignored);
}

// A segment whole or partial, a history, a backup's label (pgarch.h, VALID_XFN_CHARS): what else
// lies there is nobody's, and its name goes into a command.
bool is_archivers(std::string_view name) {
  constexpr std::size_t kShortest = 16;
  constexpr std::size_t kLongest = 40;
  constexpr std::string_view kLetters = "0123456789ABCDEF.history.backup.partial";
  return name.size() >= kShortest && name.size() <= kLongest &&
         name.find_first_not_of(kLetters) == std::string_view::npos;
}

// In the order in which they were written. A mark without its file is none: the segment was
// archived or recycled, and the mark left behind.
std::vector<std::string> ready_segments(const ActContext& context) {
  constexpr std::string_view kMark = ".ready";
  std::vector<std::string> found;
  std::error_code error;
  for (fs::directory_iterator at(status_directory(context), error), end; !error && at != end;
       at.increment(error)) {
    std::string name = at->path().filename().string();
    if (!name.ends_with(kMark)) continue;
    name.resize(name.size() - kMark.size());
    if (is_archivers(name) && is_in_pg_wal(context, name)) found.push_back(std::move(name));
  }
  if (error) log_warning("cannot list {}: {}", status_directory(context), error.message());
  std::sort(found.begin(), found.end());
  return found;
}

}  // namespace

std::string archive_command_for(std::string_view command, std::string_view segment) {
  std::string made;
  for (std::size_t at = 0; at < command.size(); ++at) {
    const char next = command[at] == '%' && at + 1 < command.size() ? command[at + 1] : '\0';
    if (next == 'p') {
      made.append("pg_wal/").append(segment);
    } else if (next == 'f') {
      made.append(segment);
    } else if (next == '%') {
      made.push_back('%');
    } else {
      made.push_back(command[at]);
      continue;
    }
    ++at;
  }
  return made;
}

asio::awaitable<void> archive_shutdown_checkpoint(ActContext& context, const ActControl& control) {
  const auto read = read_pg_control(context.config->data_dir);
  if (!read || read->data.state != ControlState::ShutDown) co_return;
  const std::string segment =
      wal_segment_name(read->data.timeline, read->data.checkpoint, read->wal_segment_bytes);
  const std::string command = co_await command_of(context, control);
  if (command.empty() || is_archived(context, segment)) co_return;
  std::string problem;
  for (int tried = 0; tried < kTries && !control.is_cancelled; ++tried) {
    if (tried > 0) co_await pause_for(1s);
    const auto archived = co_await archive(context, control, command, segment);
    if (archived) {
      log_info("archived {}, which has the shutdown checkpoint", segment);
      co_return;
    }
    problem = archived.error().text;
  }
  log_warning(
      "{} has the shutdown checkpoint and could not be archived: {}. A cluster that restores from "
      "this archive goes on without it, and then this node has to be rewound: archive the file by "
      "hand",
      segment, problem.empty() ? "cancelled" : problem);
}

asio::awaitable<void> archive_ready_segments(ActContext& context, const ActControl& control,
                                             Duration segment_limit) {
  const std::vector<std::string> segments = ready_segments(context);
  if (segments.empty()) co_return;
  const std::string command = co_await command_of(context, control);
  if (command.empty()) co_return;
  for (const std::string& segment : segments) {
    if (control.is_cancelled) co_return;
    const auto archived = co_await archive(context, control, command, segment, segment_limit);
    if (archived) {
      mark_archived(context, segment);
      log_info("archived {} before pg_rewind", segment);
      continue;
    }
    log_warning("{} was to be archived and could not be before pg_rewind: {}", segment,
                archived.error().text);
    // An archive that does not answer would hold up the rewind for each of them.
    if (archived.error().outcome == ActOutcome::TimedOut) co_return;
  }
}

}  // namespace pgherd
