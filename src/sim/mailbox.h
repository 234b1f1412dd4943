// Mailbox: the way into one life of one agent. While the agent is frozen what arrives waits, and
// comes all at once when it goes on; when the agent is dead it is thrown away.
#pragma once

#include <deque>
#include <utility>

#include "sim/call.h"

namespace pgherd::sim {

class Mailbox {
 public:
  template <typename F>
  void deliver(F&& call) {
    if (is_closed_) return;
    if (is_frozen_) {
      held_.emplace_back(std::forward<F>(call));
    } else {
      call();
    }
  }
  void freeze() { is_frozen_ = true; }
  void thaw() {
    is_frozen_ = false;
    while (!held_.empty() && !is_closed_) {
      auto call = std::move(held_.front());
      held_.pop_front();
      call();
    }
  }
  void close() {
    is_closed_ = true;
    held_.clear();
  }
  [[nodiscard]] bool is_frozen() const { return is_frozen_; }
  [[nodiscard]] bool is_closed() const { return is_closed_; }

 private:
  bool is_frozen_ = false;
  bool is_closed_ = false;
  std::deque<Call> held_;
};

}  // namespace pgherd::sim
