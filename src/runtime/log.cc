#include "runtime/log.h"

#include <fcntl.h>
#include <spdlog/async.h>
#include <spdlog/async_logger.h>
#include <spdlog/formatter.h>
#include <spdlog/sinks/base_sink.h>
#include <spdlog/sinks/stdout_sinks.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cctype>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <ctime>
#include <memory>
#include <mutex>
#include <stdexcept>

#include "runtime/unique_fd.h"

namespace pgherd {
namespace {

// spdlog keeps room for all of them (400 bytes each), used or not.
constexpr std::size_t kLinesWaitingMax = 512;
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

// patroni.log, patroni.log.1 (the youngest copy), patroni.log.2... spdlog's own rotation would name
// them otherwise, and would make a missing directory instead of complaining.
class RotatedFile final : public spdlog::sinks::base_sink<std::mutex> {
 public:
  RotatedFile(std::string path, std::uint64_t bytes_max, int copies)
      : path_(std::move(path)), bytes_max_(bytes_max), copies_(std::max(copies, 0)) {
    if (const int code = open(); code != 0)
      throw std::runtime_error("cannot log to " + path_ + ": " + std::strerror(code) +
                               " (log.dir must be a directory that exists and is writable)");
  }

 protected:
  void sink_it_(const spdlog::details::log_msg& line) override {
    spdlog::memory_buf_t text;
    formatter_->format(line, text);
    if (bytes_max_ > 0 && size_ > 0 && size_ + text.size() > bytes_max_) rotate();
    std::size_t done = 0;
    while (done < text.size()) {
      const ssize_t written = ::write(file_.get(), text.data() + done, text.size() - done);
      if (written < 0 && errno == EINTR) continue;
      // A full disk loses lines; to say so there is no better place than the one that is full.
      if (written < 0) return;
      done += static_cast<std::size_t>(written);
    }
    size_ += done;
  }
  void flush_() override {}

 private:
  int open() {
    file_.reset(::open(path_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666));
    if (!file_.is_open()) return errno;
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
  std::uint64_t bytes_max_;
  int copies_;
  UniqueFd file_;
  std::uint64_t size_ = 0;
};

struct Output {
  std::shared_ptr<spdlog::details::thread_pool> writer;
  std::shared_ptr<spdlog::logger> logger;
  bool as_json = false;
  std::atomic<std::size_t> lost_reported{0};
};

struct Log {
  std::atomic<LogLevel> level{LogLevel::Info};
  std::mutex mutex;  // of `output`
  std::shared_ptr<Output> output;
};

// Never destroyed: lines may be said while other statics end.
Log& the_log() {
  static Log* const log = new Log;
  return *log;
}

std::shared_ptr<Output> make_straight_output() {
  auto output = std::make_shared<Output>();
  output->logger =
      std::make_shared<spdlog::logger>("", std::make_shared<spdlog::sinks::stderr_sink_mt>());
  output->logger->set_formatter(std::make_unique<AsItIs>());
  return output;
}

std::shared_ptr<Output> present_output() {
  Log& log = the_log();
  const std::lock_guard lock(log.mutex);
  if (!log.output) log.output = make_straight_output();
  return log.output;
}

spdlog::sink_ptr make_sink(const LogConfig& config) {
  if (config.dir.empty()) return std::make_shared<spdlog::sinks::stderr_sink_mt>();
  return std::make_shared<RotatedFile>(config.dir + "/patroni.log", config.file_size_bytes,
                                       config.file_num);
}

std::shared_ptr<Output> make_output(const LogConfig& config) {
  auto output = std::make_shared<Output>();
  const auto sink = make_sink(config);
  output->writer = std::make_shared<spdlog::details::thread_pool>(kLinesWaitingMax, 1);
  output->logger = std::make_shared<spdlog::async_logger>(
      "", sink, output->writer, spdlog::async_overflow_policy::overrun_oldest);
  output->logger->set_formatter(std::make_unique<AsItIs>());
  output->logger->flush_on(spdlog::level::trace);
  output->as_json = config.as_json;
  return output;
}

std::string time_text() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  const auto milliseconds = std::chrono::duration_cast<std::chrono::milliseconds>(now).count();
  const std::time_t seconds = milliseconds / 1000;
  std::tm parts{};
  ::localtime_r(&seconds, &parts);
  return fmt::format("{:04}-{:02}-{:02} {:02}:{:02}:{:02},{:03}", parts.tm_year + 1900,
                     parts.tm_mon + 1, parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec,
                     milliseconds % 1000);
}

void append_json(std::string& out, std::string_view text) {
  out += '"';
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out.append(1, '\\').append(1, c);
    } else if (c == '\n') {
      out += "\\n";
    } else if (static_cast<unsigned char>(c) < 0x20) {
      out += fmt::format("\\u{:04x}", static_cast<unsigned>(c));
    } else {
      out += c;
    }
  }
  out += '"';
}

std::string json_line(LogLevel level, std::string_view text, LogFacts facts) {
  std::string line = "{\"asctime\": ";
  append_json(line, time_text());
  line += ", \"levelname\": ";
  append_json(line, log_level_name(level));
  line += ", \"message\": ";
  append_json(line, text);
  for (const auto& [name, value] : facts) {
    line += ", ";
    append_json(line, name);
    line += ": ";
    append_json(line, value);
  }
  return line + "}";
}

void write(Output& output, LogLevel level, std::string_view text, LogFacts facts) {
  const std::string line = output.as_json
                               ? json_line(level, text, facts)
                               : fmt::format("{} {}: {}", time_text(), log_level_name(level), text);
  output.logger->log(spdlog::level::critical, spdlog::string_view_t(line.data(), line.size()));
}

void report_lost(Output& output) {
  if (!output.writer) return;
  const std::size_t lost = output.writer->overrun_counter();
  const std::size_t reported = output.lost_reported.exchange(lost);
  if (lost <= reported) return;
  write(output, LogLevel::Warning,
        fmt::format("{} log lines were lost: they came faster than they could be written",
                    lost - reported),
        {});
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
  const LogLevel level = log_level_from(config.level);
  auto output = make_output(config);
  Log& log = the_log();
  {
    const std::lock_guard lock(log.mutex);
    log.output.swap(output);
  }
  log.level = level;
  // The former output goes here (or with its last user): its thread writes what it has and ends.
}

void flush_log() {
  Log& log = the_log();
  std::shared_ptr<Output> former;
  {
    const std::lock_guard lock(log.mutex);
    former.swap(log.output);
    if (former && former->as_json) {
      log.output = make_straight_output();
      log.output->as_json = true;
    }
  }
}

bool log_is_on(LogLevel level) {
  return level >= the_log().level.load(std::memory_order_relaxed);
}

void log_line(LogLevel level, std::string_view text, LogFacts facts) {
  if (!log_is_on(level)) return;
  const auto output = present_output();
  report_lost(*output);
  write(*output, level, text, facts);
}

}  // namespace pgherd
