// Presence: what a router whose sessions follow a change of the leader says of itself in the store:
// that it is there, and for which request its sessions are at rest. The leader waits for that
// (rule S7), so the key hangs on a lease and is gone with a router that is dead. A store that does
// not answer or does not allow it costs nothing but the waiting: sessions follow all the same.
//
// Threads: the owner's loop.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/clock.h"
#include "dcs/dcs.h"

namespace pgherd::router {

class Presence {
 public:
  // All outlive it. `key`: where it is written.
  Presence(Clock& clock, Dcs& dcs, std::string key)
      : clock_(clock), dcs_(dcs), key_(std::move(key)) {}

  void start() { grant(); }
  void say_at_rest_for(Revision request);
  // Takes it out of the store. `done` is called when that is so, or when the store says nothing for
  // a moment. Not to be started again.
  void leave(std::function<void()> done);

 private:
  void grant();
  void renew();
  void write();
  void lost(const DcsError& error);
  [[nodiscard]] Instant deadline() const;

  Clock& clock_;
  Dcs& dcs_;
  std::string key_;
  std::optional<LeaseId> lease_;
  Revision at_rest_for_;
  bool is_leaving_ = false;
  bool is_told_ = false;  // that it cannot be written
  std::unique_ptr<Alarm> next_;
  std::shared_ptr<char> alive_ = std::make_shared<char>();
};

}  // namespace pgherd::router
