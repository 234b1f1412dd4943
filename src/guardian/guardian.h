// Guardian: waits for orders and for their time. Owned by guardian_main; lives as long as it is of
// use.
//
// It ends when it is disarmed (or its order is carried out) and no agent is connected. One agent at
// a time: the newest, of the same user or root. An order stands when its agent goes.
#pragma once

#include <cstdint>
#include <string>

#include "base/instant.h"
#include "guardian/hunt.h"
#include "guardian/order.h"
#include "runtime/unique_fd.h"

namespace pgherd {

class Guardian {
 public:
  // Takes the socket's name. Throws std::system_error; code EADDRINUSE: this data directory has a
  // guardian already.
  explicit Guardian(std::string data_dir);

  // Returns when it is of no use any more.
  void run();

 private:
  void wait_and_take();
  void accept_agent();
  void hear_agent();
  void take(const Order& order);
  void set_timer();
  void carry_out_if_due();
  void say(const std::string& text) const;
  [[nodiscard]] bool is_armed() const { return !fence_at_.is_never(); }

  Prey prey_;
  Instant fence_at_ = Instant::never();
  bool is_hunting_ = false;
  bool is_leaving_ = false;
  Instant look_again_;
  Instant first_agent_until_;
  UniqueFd listener_;
  UniqueFd agent_;
  UniqueFd timer_;
};

}  // namespace pgherd
