#include "runtime/log.h"

#include <fcntl.h>
#include <spdlog/formatter.h>
#include <spdlog/logger.h>
#include <spdlog/sinks/base_sink.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cctype>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <tuple>

#include "runtime/line_queue.h"
#include "runtime/log_record.h"
#include "runtime/unique_fd.h"

namespace pgherd {
namespace {

constexpr Duration kLastPatience = 5s;  // at the end of a process

constexpr std::array<std::string_view, 5> kNames{"DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"};

// Lines are made by the caller (their time is the caller's), so spdlog only carries them.
class AsItIs final : public spdlog::formatter {
 public:
  void format(const spdlog::details::log_msg& line, spdlog::memory_buf_t& out) override {
    out.append(line.payload.begin(), line.payload.end());
    out.push_back('\n');
  }
  [[nodiscard]] std::unique_ptr<formatter> clone() const override {
    return std::make_unique<AsItIs>();
  }
};

// A full disk loses lines; to say so there is no better place than the one that is full.
std::size_t write_whole(int file, std::string_view text) {
  std::size_t done = 0;
  while (done < text.size()) {
    const ssize_t written = ::write(file, text.data() + done, text.size() - done);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) break;
    done += static_cast<std::size_t>(written);
  }
  return done;
}

// spdlog's own sinks for the terminal share one lock in the whole process: where nobody reads what
// one of them writes, another one could not even be made.
class StandardError final : public spdlog::sinks::base_sink<std::mutex> {
 protected:
  void sink_it_(const spdlog::details::log_msg& line) override {
    spdlog::memory_buf_t text;
    formatter_->format(line, text);
    write_whole(STDERR_FILENO, {text.data(), text.size()});
  }
  void flush_() override {}
};

// patroni.log, patroni.log.1 (the youngest copy), patroni.log.2... spdlog's own rotation would name
// them otherwise, and would make a missing directory instead of complaining.
class RotatedFile final : public spdlog::sinks::base_sink<std::mutex> {
 public:
  explicit RotatedFile(const LogConfig& config)
      : path_(config.dir + "/patroni.log"),
        mode_(config.file_mode),
        bytes_max_(config.file_size_bytes),
        copies_(std::max(config.file_num, 0)) {
    if (const int code = open(); code != 0)
      throw std::runtime_error("cannot log to " + path_ + ": " + std::strerror(code) +
                               " (log.dir must be a directory that exists and is writable)");
  }

 protected:
  void sink_it_(const spdlog::details::log_msg& line) override {
    spdlog::memory_buf_t text;
    formatter_->format(line, text);
    if (bytes_max_ > 0 && size_ > 0 && size_ + text.size() > bytes_max_) rotate();
    size_ += write_whole(file_.get(), {text.data(), text.size()});
  }
  void flush_() override {}

 private:
  int open() {
    file_.reset(::open(path_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666));
    if (!file_.is_open()) return errno;
    // A file of somebody else keeps the mode that it has.
    if (mode_) std::ignore = ::fchmod(file_.get(), *mode_);
    const off_t end = ::lseek(file_.get(), 0, SEEK_END);
    size_ = end < 0 ? 0 : static_cast<std::uint64_t>(end);
    return 0;
  }
  [[nodiscard]] std::string copy(int number) const {
    return number == 0 ? path_ : path_ + "." + std::to_string(number);
  }
  void rotate() {
    for (int number = copies_; number > 0; --number)
      ::rename(copy(number - 1).c_str(), copy(number).c_str());
    if (copies_ == 0) ::unlink(path_.c_str());
    UniqueFd before = std::move(file_);
    // If the new file cannot be made the old one goes on, under its new name.
    if (open() != 0) file_ = std::move(before);
  }

  std::string path_;
  std::optional<std::uint32_t> mode_;
  std::uint64_t bytes_max_;
  int copies_;
  UniqueFd file_;
  std::uint64_t size_ = 0;
};

struct Output {
  LogConfig config;
  LogLevel level = LogLevel::Debug;
  std::map<std::string, LogLevel, std::less<>> loggers;
  std::shared_ptr<spdlog::logger> sink;
  std::unique_ptr<LineQueue> queue;  // absent: lines go straight to the sink
};

struct Log {
  std::atomic<LogLevel> lowest_level{LogLevel::Info};  // below it no line of anybody is written
  std::atomic<bool> has_loggers{false};
  std::atomic<std::size_t> lost{0};  // lines, not reported yet
  std::mutex mutex;                  // of `output`
  std::shared_ptr<Output> output;
};

// Never destroyed: lines may be said while other statics end.
Log& the_log() {
  static Log* const log = new Log;
  return *log;
}

std::shared_ptr<spdlog::logger> make_sink(const LogConfig& config) {
  spdlog::sink_ptr sink;
  if (config.dir.empty()) {
    sink = std::make_shared<StandardError>();
  } else {
    sink = std::make_shared<RotatedFile>(config);
  }
  auto logger = std::make_shared<spdlog::logger>("", std::move(sink));
  logger->set_formatter(std::make_unique<AsItIs>());
  return logger;
}

// The form alone is taken from `config`.
std::shared_ptr<Output> make_straight_output(LogConfig config) {
  config.dir.clear();
  auto output = std::make_shared<Output>();
  output->sink = make_sink(config);
  output->config = std::move(config);
  return output;
}

std::shared_ptr<Output> present_output() {
  Log& log = the_log();
  const std::lock_guard lock(log.mutex);
  if (!log.output) log.output = make_straight_output({});
  return log.output;
}

void hand_over(spdlog::logger& sink, const std::string& line) {
  sink.log(spdlog::level::critical, spdlog::string_view_t(line.data(), line.size()));
}

// spdlog's own queue has room for all lines from the beginning on, 400 bytes each, and would drop
// the oldest ones; this one holds only what waits, and may have no limit.
std::shared_ptr<Output> make_output(const LogConfig& config) {
  auto output = std::make_shared<Output>();
  output->config = config;
  output->level = log_level_from(config.level);
  for (const auto& [name, level] : config.loggers)
    output->loggers[name] = log_level_from(level);
  output->sink = make_sink(config);
  output->sink->flush_on(spdlog::level::trace);
  output->queue = std::make_unique<LineQueue>(
      [sink = output->sink](const std::string& line) { hand_over(*sink, line); },
      static_cast<std::size_t>(config.lines_waiting_max));
  return output;
}

LogLevel lowest_level_of(const Output& output) {
  LogLevel lowest = output.level;
  for (const auto& [name, level] : output.loggers)
    lowest = std::min(lowest, level);
  return lowest;
}

// Of the longest name that is the line's or stands above it: "pgherd.rest" above
// "pgherd.rest.server".
LogLevel level_for(const Output& output, const LogPlace& place) {
  std::string name = logger_name(place);
  while (true) {
    const auto found = output.loggers.find(name);
    if (found != output.loggers.end()) return found->second;
    const std::size_t dot = name.rfind('.');
    if (dot == std::string::npos) return output.level;
    name.resize(dot);
  }
}

bool try_write(Output& output, const LogRecord& record) {
  std::string line = written_line(record, output.config);
  if (output.queue) return output.queue->add(std::move(line));
  hand_over(*output.sink, line);
  return true;
}

std::int64_t now_in_microseconds() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::microseconds>(now).count();
}

void report_lost(Output& output) {
  std::atomic<std::size_t>& lost = the_log().lost;
  const std::size_t number = lost.exchange(0);
  if (number == 0) return;
  const std::string text =
      fmt::format("{} log lines were lost: they came faster than they could be written", number);
  const LogRecord record{.level = LogLevel::Warning,
                         .text = text,
                         .place = {__builtin_FILE(), __builtin_FUNCTION(), __builtin_LINE()},
                         .microseconds = now_in_microseconds()};
  if (!try_write(output, record)) lost += number;
}

}  // namespace

LogLevel log_level_from(std::string_view name) {
  std::string upper(name);
  std::transform(upper.begin(), upper.end(), upper.begin(),
                 [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  if (upper == "WARN") return LogLevel::Warning;
  if (upper == "FATAL") return LogLevel::Critical;
  const auto found = std::find(kNames.begin(), kNames.end(), upper);
  if (found == kNames.end())
    throw std::invalid_argument("log level \"" + std::string(name) +
                                "\" is not one of DEBUG, INFO, WARNING, ERROR, CRITICAL");
  return static_cast<LogLevel>(found - kNames.begin());
}

std::string_view log_level_name(LogLevel level) {
  return kNames.at(static_cast<std::size_t>(level));
}

void configure_log(const LogConfig& config) {
  auto output = make_output(config);
  Log& log = the_log();
  log.has_loggers = !output->loggers.empty();
  log.lowest_level = lowest_level_of(*output);
  const std::lock_guard lock(log.mutex);
  log.output.swap(output);
  // The former output goes here (or with its last user): its thread writes what it has and ends.
}

bool flush_log() {
  Log& log = the_log();
  std::shared_ptr<Output> former;
  {
    const std::lock_guard lock(log.mutex);
    former.swap(log.output);
    if (former) log.output = make_straight_output(former->config);
  }
  return !former || !former->queue || former->queue->drain(kLastPatience);
}

LogBacklog log_backlog() {
  const auto output = present_output();
  return {.waiting = output->queue ? output->queue->size() : 0, .lost = the_log().lost};
}

bool log_is_on(LogLevel level, LogPlace place) {
  const Log& log = the_log();
  if (level < log.lowest_level.load(std::memory_order_relaxed)) return false;
  if (!log.has_loggers.load(std::memory_order_relaxed)) return true;
  return level >= level_for(*present_output(), place);
}

void log_line(LogLevel level, std::string_view text, LogFacts facts, LogPlace place) {
  if (!log_is_on(level, place)) return;
  const auto output = present_output();
  const LogRecord record{.level = level,
                         .text = text,
                         .facts = facts,
                         .place = place,
                         .microseconds = now_in_microseconds()};
  if (try_write(*output, record)) {
    report_lost(*output);
  } else {
    ++the_log().lost;
  }
}

}  // namespace pgherd
