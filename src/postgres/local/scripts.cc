#include "postgres/local/scripts.h"

#include <fmt/core.h>
#include <fmt/ranges.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <boost/asio/steady_timer.hpp>
#include <utility>

#include "codec/postgres_settings.h"
#include "postgres/local/act_context.h"
#include "postgres/local/postmaster.h"
#include "runtime/asio_clock.h"
#include "runtime/log.h"
#include "runtime/process.h"
#include "runtime/unique_fd.h"

namespace pgherd {
namespace {

namespace asio = boost::asio;

// How soon a script learns that nobody waits for it any more; that it has ended is told.
constexpr Duration kLook = 20ms;
constexpr Duration kSlow = 10s;
constexpr Duration kCallbackLimit = 1h;
constexpr Duration kAwaitedLimit = 5min;
constexpr off_t kOutputBytesMax = 1 << 20;
constexpr std::size_t kLinesTold = 6;

std::string taken_since(Instant begun) {
  return fmt::format("{} ms",
                     std::chrono::duration_cast<Milliseconds>(boottime_now() - begun).count());
}

// What a script writes: a file in memory and no pipe, for a script that outlives the agent must not
// die of its next word.
class ScriptOutput {
 public:
  ScriptOutput() : file_(::memfd_create("script output", MFD_CLOEXEC)) {}

  [[nodiscard]] std::string path() const {
    return file_.is_open() ? fmt::format("/proc/self/fd/{}", file_.get()) : "/dev/null";
  }
  // Nobody reads megabytes; what comes last is kept.
  void shorten() const {
    if (size() > kOutputBytesMax && ::ftruncate(file_.get(), 0) != 0)
      log_warning("cannot shorten what a script has written");
  }
  [[nodiscard]] std::string tail() const {
    std::array<char, 4096> text{};
    const off_t from = std::max<off_t>(0, size() - static_cast<off_t>(text.size()));
    const ssize_t got = ::pread(file_.get(), text.data(), text.size(), from);
    return {text.data(), static_cast<std::size_t>(std::max<ssize_t>(got, 0))};
  }

 private:
  [[nodiscard]] off_t size() const {
    struct stat facts{};
    return ::fstat(file_.get(), &facts) == 0 ? facts.st_size : 0;
  }
  UniqueFd file_;
};

std::string told(const std::string& output) {
  const std::string said = last_lines(output, kLinesTold);
  return said.empty() ? said : "; it says: " + said;
}

}  // namespace

// A place in which one script runs, in the background.
class ScriptSlot : public std::enable_shared_from_this<ScriptSlot> {
 public:
  explicit ScriptSlot(const asio::any_io_executor& loop) : loop_(loop), slow_(loop) {}

  void run(std::string name, std::vector<std::string> argv) {
    Job job{.name = std::move(name), .argv = std::move(argv)};
    if (!child_) return start(std::move(job));
    log_warning("{} still runs after {}: it is killed for {}", running_, taken_since(begun_),
                job.name);
    next_ = std::move(job);
    child_->terminate();
  }

  void let_go() {
    next_.reset();
    slow_.cancel();
    if (child_) child_->detach();
    child_.reset();
  }

 private:
  struct Job {
    std::string name;
    std::vector<std::string> argv;
  };

  void start(Job job) {
    running_ = std::move(job.name);
    begun_ = boottime_now();
    output_.emplace();
    ProcessSpec spec;
    spec.argv = std::move(job.argv);
    spec.output_file = output_->path();
    spec.timeout = kCallbackLimit;
    spec.kill_after = Duration::zero();
    auto child = ChildProcess::start(loop_, std::move(spec));
    if (!child) return log_error("{} cannot run: {}", running_, child.error());
    log_debug("{} begins", running_);
    child_ = std::move(*child);
    child_->on_end([weak = weak_from_this()](const ProcessEnd& end) {
      if (const auto slot = weak.lock()) slot->ended(end);
    });
    watch();
  }

  void ended(const ProcessEnd& end) {
    slow_.cancel();
    child_.reset();
    log_line(end.succeeded() || end.cancelled ? LogLevel::Info : LogLevel::Warning,
             fmt::format("{} {} after {}{}", running_, describe(end), taken_since(begun_),
                         told(output_->tail())));
    output_.reset();
    if (next_) start(*std::exchange(next_, std::nullopt));
  }

  void watch() {
    slow_.expires_after(kSlow);
    slow_.async_wait([weak = weak_from_this()](boost::system::error_code error) {
      const auto slot = weak.lock();
      if (error || !slot || !slot->child_) return;
      if (boottime_now() - slot->begun_ < 2 * kSlow)
        log_warning("{} still runs after {}; nobody waits for it", slot->running_,
                    taken_since(slot->begun_));
      slot->output_->shorten();
      slot->watch();
    });
  }

  asio::any_io_executor loop_;
  asio::steady_timer slow_;
  std::string running_;
  Instant begun_;
  std::optional<ScriptOutput> output_;
  std::unique_ptr<ChildProcess> child_;
  std::optional<Job> next_;
};

Callbacks::Callbacks(asio::any_io_executor loop, std::string scope)
    : scope_(std::move(scope)),
      any_(std::make_shared<ScriptSlot>(loop)),
      on_reload_(std::make_shared<ScriptSlot>(loop)),
      before_stop_(std::make_shared<ScriptSlot>(loop)) {}

Callbacks::~Callbacks() {
  for (const auto& slot : {any_, on_reload_, before_stop_})
    slot->let_go();
}

void Callbacks::call(const PostgresConfig& config, const std::optional<CallbackCall>& what) {
  if (!what) return;
  const auto found = config.callbacks.find(what->action);
  if (found == config.callbacks.end()) return;
  std::vector<std::string> argv = found->second;
  const std::string action(name_of(what->action));
  const std::string role(word_of(what->role));
  argv.insert(argv.end(), {action, role, scope_});
  const auto& slot = what->action == CallbackAction::OnReload ? on_reload_ : any_;
  slot->run(fmt::format("callback {} {} {}", action, role, scope_), std::move(argv));
}

void Callbacks::begin_before_stop(const PostgresConfig& config) {
  if (config.before_stop.empty()) return;
  before_stop_->run("before_stop", config.before_stop);
}

asio::awaitable<ScriptEnd> run_script(asio::any_io_executor loop, std::string key,
                                      CommandWords command, std::function<bool()> is_in_vain) {
  const Instant begun = boottime_now();
  const std::string name = fmt::format("{} script `{}`", key, fmt::join(command, " "));
  const ScriptOutput output;
  ProcessSpec spec;
  spec.argv = std::move(command);
  spec.output_file = output.path();
  spec.timeout = kAwaitedLimit;
  spec.kill_after = Duration::zero();
  spec.dies_with_parent = true;  // the act that it belongs to is over then
  auto child = ChildProcess::start(loop, std::move(spec));
  ScriptEnd result;
  if (!child) {
    result.text = fmt::format("{} cannot run: {}", name, child.error());
    log_error("{}", result.text);
    co_return result;
  }
  Instant slow_at = begun + kSlow;
  const std::function<void()> look = [&] {
    if (is_in_vain()) (*child)->terminate();
    if (boottime_now() < slow_at) return;
    log_warning("{} still runs after {}", name, taken_since(begun));
    output.shorten();
    slow_at = boottime_now() + kSlow;
  };
  const ProcessEnd end = co_await end_of(**child, kLook, look);
  result.has_succeeded = end.succeeded();
  result.text =
      fmt::format("{} {} after {}{}", name, describe(end), taken_since(begun), told(output.tail()));
  log_line(result.has_succeeded ? LogLevel::Info : LogLevel::Warning, result.text);
  co_return result;
}

}  // namespace pgherd
