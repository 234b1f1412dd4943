#include "runtime/asio_clock.h"

#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <cerrno>
#include <ctime>
#include <map>
#include <system_error>
#include <utility>

#include "base/check.h"

namespace pgherd {
namespace asio = boost::asio;

namespace {

constexpr std::int64_t kNanosecondsPerSecond = 1'000'000'000;

std::int64_t nanoseconds_of(clockid_t clock) {
  timespec at{};
  const int outcome = ::clock_gettime(clock, &at);
  PGHERD_CHECK(outcome == 0, "time could not be told");
  return at.tv_sec * kNanosecondsPerSecond + at.tv_nsec;
}

int make_timer() {
  const int fd = ::timerfd_create(CLOCK_BOOTTIME, TFD_NONBLOCK | TFD_CLOEXEC);
  if (fd < 0)
    throw std::system_error(errno, std::generic_category(),
                            "cannot create a timer (timerfd_create on CLOCK_BOOTTIME)");
  return fd;
}

}  // namespace

Instant boottime_now() {
  return Instant::from_nanoseconds(nanoseconds_of(CLOCK_BOOTTIME));
}

WallTime wall_time_now() {
  return WallTime{nanoseconds_of(CLOCK_REALTIME) / 1000};
}

// One kernel timer for all alarms, set to the earliest.
class AsioClock::Timer : public std::enable_shared_from_this<Timer> {
 public:
  using Key = std::pair<Instant, std::uint64_t>;

  explicit Timer(const asio::any_io_executor& loop) : descriptor_(loop, make_timer()) {}

  Key add(Instant when, std::function<void()> then) {
    const Key key{when, next_number_++};
    calls_.emplace(key, std::move(then));
    if (!when.is_never() && calls_.begin()->first == key) set();
    listen();
    return key;
  }
  // The kernel timer stays as it is: an early wake finds nothing due and sets it again.
  void remove(const Key& key) { calls_.erase(key); }

  void close() {
    calls_.clear();
    boost::system::error_code ignored;
    descriptor_.close(ignored);
  }

 private:
  void set() {
    itimerspec setting{};
    if (!calls_.empty() && !calls_.begin()->first.first.is_never()) {
      // Zero would mean "off".
      const auto due = std::max<std::int64_t>(calls_.begin()->first.first.nanoseconds(), 1);
      setting.it_value.tv_sec = due / kNanosecondsPerSecond;
      setting.it_value.tv_nsec = due % kNanosecondsPerSecond;
    }
    const int outcome =
        ::timerfd_settime(descriptor_.native_handle(), TFD_TIMER_ABSTIME, &setting, nullptr);
    PGHERD_CHECK(outcome == 0, "alarms would not ring");
  }

  // Waits only while there is somebody to call, so that a loop without alarms can run dry.
  void listen() {
    if (is_listening_ || calls_.empty()) return;
    is_listening_ = true;
    descriptor_.async_wait(asio::posix::descriptor_base::wait_read,
                           [self = weak_from_this()](boost::system::error_code error) {
                             const auto timer = self.lock();
                             if (timer && !error) timer->rang();
                           });
  }

  void rang() {
    is_listening_ = false;
    std::uint64_t rings = 0;
    [[maybe_unused]] const ssize_t got = ::read(descriptor_.native_handle(), &rings,
                                                sizeof rings);  // EAGAIN: was set anew meanwhile
    // Only what is due now: a call that asks for "at once" comes after the loop had its turn.
    const Key last{boottime_now(), next_number_};
    while (!calls_.empty() && calls_.begin()->first < last) {
      auto call = calls_.extract(calls_.begin());
      call.mapped()();
    }
    if (!descriptor_.is_open()) return;
    set();
    listen();
  }

  asio::posix::stream_descriptor descriptor_;
  std::map<Key, std::function<void()>> calls_;
  std::uint64_t next_number_ = 0;
  bool is_listening_ = false;
};

class AsioClock::Call final : public Alarm {
 public:
  Call(std::weak_ptr<Timer> timer, Timer::Key key) : timer_(std::move(timer)), key_(key) {}
  ~Call() override {
    if (const auto timer = timer_.lock()) timer->remove(key_);
  }

 private:
  std::weak_ptr<Timer> timer_;
  Timer::Key key_;
};

AsioClock::AsioClock(const asio::any_io_executor& loop) : timer_(std::make_shared<Timer>(loop)) {}

AsioClock::~AsioClock() {
  timer_->close();
}

std::unique_ptr<Alarm> AsioClock::at(Instant when, std::function<void()> then) {
  const auto key = timer_->add(when, std::move(then));
  return std::make_unique<Call>(timer_, key);
}

}  // namespace pgherd
