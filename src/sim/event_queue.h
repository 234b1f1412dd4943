// EventQueue: invented time. What happens is a set of calls in a total order (time, then the order
// in which they were asked for), so that the same calls give the same run on every machine.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <utility>

#include "base/instant.h"

namespace pgherd::sim {

class EventQueue {
 public:
  using Call = std::function<void()>;
  using Ticket = std::pair<Instant, std::uint64_t>;

  [[nodiscard]] Instant now() const { return now_; }
  // What is asked for the past happens now, after everything that is already due.
  Ticket at(Instant when, Call call);
  Ticket in(Duration after, Call call) { return at(now_ + after, std::move(call)); }
  // Of a call that has already run: nothing.
  void cancel(const Ticket& ticket) { calls_.erase(ticket); }

  // Runs the next call if it is due by `until`; otherwise the time is `until` and the answer false.
  bool run_next(Instant until);

  [[nodiscard]] std::uint64_t events() const { return events_; }
  // Changes with every event's time: two runs with the same digest went the same way.
  [[nodiscard]] std::uint64_t digest() const { return digest_; }
  void mix(std::uint64_t fact) { digest_ = (digest_ ^ fact) * 0x100000001B3ULL + (digest_ >> 29U); }

 private:
  Instant now_;
  std::uint64_t next_ = 1;
  std::uint64_t events_ = 0;
  std::uint64_t digest_ = 0xCBF29CE484222325ULL;
  std::map<Ticket, Call> calls_;
};

}  // namespace pgherd::sim
