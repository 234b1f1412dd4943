#include "postgres/local/lost_wal.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <system_error>
#include <vector>

#include "postgres/local/pg_control.h"
#include "postgres/local/wal_record.h"
#include "runtime/files.h"
#include "runtime/log.h"
#include "runtime/unique_fd.h"

namespace pgherd {
namespace {

namespace asio = boost::asio;
namespace fs = std::filesystem;

constexpr Duration kCountingLimit = 5s;
constexpr std::string_view kDescription = "diverged.txt";

// ---- What pg_waldump says

std::string_view take_word(std::string_view& line) {
  const auto begin = std::min(line.find_first_not_of(' '), line.size());
  const auto end = std::min(line.find(' ', begin), line.size());
  const std::string_view word = line.substr(begin, end - begin);
  line.remove_prefix(end);
  return word;
}

std::uint64_t number_of(std::string_view word) {
  std::uint64_t number = 0;
  std::from_chars(word.data(), word.data() + word.size(), number);
  return number;
}

// "WAL statistics between 0/1500000 and 0/1502000:"
bool take_range(std::string_view line, LostWal& lost) {
  constexpr std::string_view kBetween = "WAL statistics between ";
  if (!line.starts_with(kBetween) || !line.ends_with(':')) return false;
  line.remove_prefix(kBetween.size());
  line.remove_suffix(1);
  const auto from = parse_lsn(take_word(line));
  (void)take_word(line);
  const auto to = parse_lsn(take_word(line));
  if (!from || !to) return false;
  lost.from = *from;
  lost.to = *to;
  return true;
}

void take_row(std::string_view line, LostWal& lost) {
  const std::string_view name = take_word(line);
  const std::uint64_t number = number_of(take_word(line));
  if (name == "Total") lost.records = number;
  if (name == "Transaction/COMMIT" || name == "Transaction/COMMIT_PREPARED") lost.commits += number;
  if (name == "Transaction/ABORT" || name == "Transaction/ABORT_PREPARED") lost.aborts += number;
}

// ---- Where it lies

bool is_segment_name(std::string_view name) {
  constexpr std::size_t kLength = 24;
  return name.size() == kLength &&
         name.find_first_not_of("0123456789ABCDEF") == std::string_view::npos;
}

std::string history_name(Timeline timeline) {
  return fmt::format("{:08X}.history", timeline.value);
}

// Where the timeline began, if the fork is not known better.
Fork with_beginning(const std::string& data_dir, Fork fork) {
  if (fork.at.is_known()) return fork;
  const auto text = read_file(data_dir + "/pg_wal/" + history_name(fork.timeline));
  if (!text) return fork;
  const auto rows = parse_history_file(*text);
  if (rows && !rows->empty()) fork.at = rows->back().switched_at;
  return fork;
}

// From the fork on, in order, as far as none is missing between them.
std::vector<std::string> segments_from(const std::string& data_dir, const Fork& fork,
                                       std::uint32_t segment_bytes) {
  std::vector<std::string> found;
  std::error_code error;
  const std::string first = wal_segment_name(fork.timeline, fork.at, segment_bytes);
  for (fs::directory_iterator at(data_dir + "/pg_wal", error), end; !error && at != end;
       at.increment(error)) {
    std::string name = at->path().filename().string();
    const bool is_of_timeline = name.substr(0, 8) == first.substr(0, 8);
    if (is_segment_name(name) && is_of_timeline && name >= first) found.push_back(std::move(name));
  }
  std::sort(found.begin(), found.end());
  if (!fork.at.is_known()) return found;
  Lsn position = fork.at;
  std::size_t whole = 0;
  while (whole < found.size() &&
         found[whole] == wal_segment_name(fork.timeline, position, segment_bytes)) {
    position.bytes += segment_bytes;
    ++whole;
  }
  found.resize(whole);
  return found;
}

struct LocalWal {
  Fork fork;
  std::uint32_t segment_bytes = 0;
  std::vector<std::string> segments;
};

LocalWal look_at_wal(const std::string& data_dir, const Fork& fork) {
  LocalWal wal{.fork = with_beginning(data_dir, fork), .segment_bytes = 0, .segments = {}};
  const auto control = read_pg_control(data_dir);
  if (!control) return wal;
  wal.segment_bytes = control->wal_segment_bytes;
  wal.segments = segments_from(data_dir, wal.fork, wal.segment_bytes);
  return wal;
}

// Its end is found by reading; a last segment is named, for pg_waldump fails before it has told
// anything where the next one is missing.
asio::awaitable<std::optional<LostWal>> count(ActContext& context, const ActControl& control,
                                              LocalWal wal) {
  if (wal.segments.empty() || !wal.fork.at.is_known()) co_return std::nullopt;
  ProcessSpec spec;
  spec.argv = {context.program("pg_waldump"),
               "--path=" + context.config->data_dir + "/pg_wal",
               fmt::format("--timeline={}", wal.fork.timeline.value),
               "--start=" + to_string(wal.fork.at),
               "--stats=record",
               wal.segments.front(),
               wal.segments.back()};
  spec.env = {{"LC_ALL", "C"}};
  spec.timeout = kCountingLimit;
  ProcessEnd end;
  // The end of the log is an error to it, which comes after the table.
  (void)co_await run_tool(context, control, std::move(spec), {}, &end);
  co_return parse_waldump_statistics(end.out);
}

// ---- Keeping it

std::string folder_of(const PostgresConfig& config) {
  return config.diverged_wal_directory.empty() ? config.data_dir + ".diverged"
                                               : config.diverged_wal_directory;
}

// Members of one host may share the directory.
std::string name_of(const NodeName& self, const Fork& fork) {
  std::string name = fmt::format("{}-timeline-{}", self, fork.timeline.value);
  if (!fork.at.is_known()) return name;
  name += "-" + to_string(fork.at);
  std::replace(name.begin(), name.end(), '/', '_');
  return name;
}

std::uint64_t bytes_in(const fs::path& folder) {
  std::uint64_t bytes = 0;
  std::error_code error;
  for (fs::directory_iterator at(folder, error), end; !error && at != end; at.increment(error)) {
    const auto size = at->file_size(error);
    if (!error) bytes += size;
  }
  return bytes;
}

struct Kept {
  fs::path path;
  fs::file_time_type since;
  std::uint64_t bytes = 0;
};

// Only what is described is taken for ours.
std::vector<Kept> kept_in(const fs::path& folder) {
  std::vector<Kept> all;
  std::error_code error;
  for (fs::directory_iterator at(folder, error), end; !error && at != end; at.increment(error)) {
    std::error_code missing;
    const auto since = fs::last_write_time(at->path() / kDescription, missing);
    if (missing) continue;
    all.push_back({.path = at->path(), .since = since, .bytes = bytes_in(at->path())});
  }
  std::sort(all.begin(), all.end(),
            [](const Kept& one, const Kept& other) { return one.since < other.since; });
  return all;
}

void make_room(const fs::path& folder, std::uint64_t wanted, std::uint64_t limit) {
  std::vector<Kept> all = kept_in(folder);
  std::uint64_t bytes = wanted;
  for (const Kept& kept : all)
    bytes += kept.bytes;
  for (const Kept& kept : all) {
    if (bytes <= limit) return;
    std::error_code error;
    fs::remove_all(kept.path, error);
    if (error) {
      log_warning("cannot remove {}: {}", kept.path.string(), error.message());
      continue;
    }
    bytes -= kept.bytes;
    log_info("removed {}: postgresql.diverged_wal_limit leaves no room for it", kept.path.string());
  }
}

Attempt copy_to_disk(const fs::path& from, const fs::path& to) {
  std::error_code error;
  fs::copy_file(from, to, fs::copy_options::overwrite_existing, error);
  if (error)
    return failed(
        fmt::format("cannot copy {} to {}: {}", from.string(), to.string(), error.message()));
  const UniqueFd file(::open(to.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.get() < 0 || ::fsync(file.get()) != 0)
    return failed(fmt::format("cannot force {} to disk: {}", to.string(),
                              std::system_category().message(errno)));
  return {};
}

struct Plan {
  fs::path data_dir;
  fs::path to;
  std::vector<std::string> segments;
  std::string history;
  std::string description;
};

Attempt copy_all(const Plan& plan) {
  std::error_code error;
  fs::create_directories(plan.to, error);
  if (error) return failed(fmt::format("cannot make {}: {}", plan.to.string(), error.message()));
  fs::permissions(plan.to, fs::perms::owner_all, error);
  for (const std::string& segment : plan.segments)
    if (auto copied = copy_to_disk(plan.data_dir / "pg_wal" / segment, plan.to / segment); !copied)
      return copied;
  const fs::path history = plan.data_dir / "pg_wal" / plan.history;
  if (fs::exists(history, error))
    if (auto copied = copy_to_disk(history, plan.to / plan.history); !copied) return copied;
  // Last: with it the folder is whole.
  const auto written = write_file_atomically((plan.to / kDescription).string(), plan.description);
  if (!written) return failed(written.error().text);
  if (auto synced = sync_directory(plan.to.parent_path().string()); !synced)
    return failed(synced.error().text);
  return {};
}

std::string description_of(const ActContext& context, const LocalWal& wal,
                           const std::optional<LostWal>& lost, const fs::path& to) {
  std::string text = fmt::format(
      "Write-ahead log of member '{}' of cluster '{}' that the cluster does not have.\n"
      "Timeline {}{}.\n",
      context.self, context.scope, wal.fork.timeline.value,
      lost ? ", " + describe(*lost) : std::string());
  if (wal.fork.at.is_known())
    text += fmt::format("Read it with: pg_waldump --path {} --timeline {} --start {}\n",
                        to.string(), wal.fork.timeline.value, to_string(wal.fork.at));
  return text;
}

// Recycled segments lie behind the end, with names of the future and content of the past.
void leave_out_after(std::vector<std::string>& segments, const LocalWal& wal, Lsn end) {
  const std::string last = wal_segment_name(wal.fork.timeline, end, wal.segment_bytes);
  std::erase_if(segments, [&](const std::string& segment) { return segment > last; });
}

// What is known of another fork tells nothing of this one.
std::optional<LostWal> known_count(const ActContext& context, const Fork& fork) {
  const auto& known = context.diverged;
  const bool is_same = known && known->timeline == fork.timeline && known->from == fork.at;
  return is_same ? known->counted : std::nullopt;
}

void note(ActContext& context, const Fork& fork, std::optional<LostWal> counted) {
  context.diverged.emplace();
  context.diverged->timeline = fork.timeline;
  context.diverged->from = fork.at;
  context.diverged->counted = counted;
}

asio::awaitable<Attempt> copy_off_the_loop(ActContext& context, Plan plan, std::uint64_t bytes,
                                           std::uint64_t limit) {
  auto work = [plan = std::move(plan), bytes, limit]() -> Attempt {
    make_room(plan.to.parent_path(), bytes, limit);
    auto copied = copy_all(plan);
    std::error_code ignored;
    if (!copied) fs::remove_all(plan.to, ignored);
    return copied;
  };
  co_return co_await on_disk(context, std::move(work));
}

}  // namespace

std::optional<LostWal> parse_waldump_statistics(std::string_view text) {
  LostWal lost;
  bool has_range = false;
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (has_range) {
      take_row(line, lost);
    } else {
      has_range = take_range(line, lost);
    }
  }
  if (!has_range) return std::nullopt;
  return lost;
}

asio::awaitable<std::optional<LostWal>> count_lost_wal(ActContext& context,
                                                       const ActControl& control, Fork fork) {
  LocalWal wal = look_at_wal(context.config->data_dir, fork);
  note(context, wal.fork, std::nullopt);
  const auto lost = co_await count(context, control, std::move(wal));
  if (lost) context.diverged->counted = lost;
  co_return lost;
}

asio::awaitable<std::string> keep_lost_wal(ActContext& context, const ActControl& control,
                                           Fork fork) {
  const auto config = context.config;
  const auto limit = static_cast<std::uint64_t>(config->diverged_wal_limit);
  if (limit == 0) co_return "is not kept (postgresql.diverged_wal_limit is 0)";
  const LocalWal wal = look_at_wal(config->data_dir, fork);
  if (wal.segments.empty()) co_return "is not in pg_wal any more";
  const fs::path to = fs::path(folder_of(*config)) / name_of(context.self, wal.fork);
  std::error_code ignored;
  if (fs::exists(to / kDescription, ignored)) {
    note(context, wal.fork, known_count(context, wal.fork));
    context.diverged->kept_in = to.string();
    co_return "is kept in " + to.string();
  }
  const auto lost = co_await count(context, control, wal);
  note(context, wal.fork, lost);
  Plan plan{.data_dir = config->data_dir,
            .to = to,
            .segments = wal.segments,
            .history = history_name(wal.fork.timeline),
            .description = description_of(context, wal, lost, to)};
  if (lost) leave_out_after(plan.segments, wal, lost->to);
  const std::size_t fitting = limit / wal.segment_bytes;
  const std::size_t left_out = plan.segments.size() - std::min(plan.segments.size(), fitting);
  plan.segments.resize(plan.segments.size() - left_out);
  const std::string what = lost ? "(" + describe(*lost) + ") " : std::string();
  const std::uint64_t bytes = std::uint64_t{plan.segments.size()} * wal.segment_bytes;
  const auto copied = co_await copy_off_the_loop(context, std::move(plan), bytes, limit);
  if (!copied) {
    log_warning(
        "what only this node has could not be kept: {}. postgresql.diverged_wal_directory "
        "names another place for it",
        copied.error().text);
    co_return what + "could not be kept: " + copied.error().text;
  }
  context.diverged->kept_in = to.string();
  std::string kept = fmt::format("{}is kept in {}", what, to.string());
  if (left_out > 0)
    kept += fmt::format(", but for the last {} segment{} (postgresql.diverged_wal_limit)", left_out,
                        left_out == 1 ? "" : "s");
  co_return kept;
}

}  // namespace pgherd
