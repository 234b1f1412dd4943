// EventQueue: invented time. What happens is a set of calls in a total order (time, then the order
// in which they were asked for), so that the same calls give the same run on every machine.
#pragma once

#include <cstdint>
#include <deque>
#include <vector>

#include "base/instant.h"
#include "sim/call.h"

namespace pgherd::sim {

class EventQueue {
 public:
  using Call = sim::Call;
  // Names a call that is to come; one that is default-made names none.
  struct Ticket {
    std::uint64_t number = 0;
    std::uint32_t place = 0;
  };

  [[nodiscard]] Instant now() const { return now_; }
  // What is asked for the past happens now, after everything that is already due.
  Ticket at(Instant when, Call call);
  Ticket in(Duration after, Call call) { return at(now_ + after, std::move(call)); }
  // Of a call that has already run: nothing.
  void cancel(const Ticket& ticket);

  // Runs the next call if it is due by `until`; otherwise the time is `until` and the answer false.
  bool run_next(Instant until);

  [[nodiscard]] std::uint64_t events() const { return events_; }
  // Changes with every event's time: two runs with the same digest went the same way.
  [[nodiscard]] std::uint64_t digest() const { return digest_; }
  void mix(std::uint64_t fact) { digest_ = (digest_ ^ fact) * 0x100000001B3ULL + (digest_ >> 29U); }

 private:
  struct Due {
    Instant when;
    std::uint64_t number = 0;
    std::uint32_t place = 0;
    // The heap has its greatest on top.
    friend bool operator<(const Due& a, const Due& b) {
      return a.when != b.when ? a.when > b.when : a.number > b.number;
    }
  };
  struct Kept {
    std::uint64_t number = 0;  // 0: cancelled, or nothing
    Call call;
  };

  void pop();

  Instant now_;
  std::uint64_t next_ = 1;
  std::uint64_t events_ = 0;
  std::uint64_t digest_ = 0xCBF29CE484222325ULL;
  std::vector<Due> due_;
  std::deque<Kept> kept_;  // calls stay where they are while they run
  std::vector<std::uint32_t> free_;
};

}  // namespace pgherd::sim
