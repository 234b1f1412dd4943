#include "sim/guardian.h"

#include <utility>

namespace pgherd::sim {

void Guardian::arm(Instant at, std::int64_t postmaster_pid) {
  disarm();
  armed_at_ = sim_.queue.now();
  armed_for_ = at;
  order_ = sim_.queue.at(time_.true_time(at), [this, postmaster_pid] { fence(postmaster_pid); });
}

void Guardian::arm_no_later(Instant at, std::int64_t postmaster_pid) {
  if (armed_for_ <= at) return;
  arm(at, postmaster_pid);
}

void Guardian::fence(std::int64_t postmaster_pid) {
  if (is_suspended_) {
    overdue_ = postmaster_pid;
    return;
  }
  armed_for_ = Instant::never();
  if (server_.process() == ProcessState::Stopped) return;
  if (postmaster_pid != 0 && postmaster_pid != server_.pid()) return;
  sim_.tell(server_.name(), [] { return "the guardian fences"; });
  ++kills_;
  if (on_fence) on_fence(server_, armed_at_);
  server_.kill();
}

void Guardian::resume() {
  is_suspended_ = false;
  if (const auto pid = std::exchange(overdue_, std::nullopt)) fence(*pid);
}

}  // namespace pgherd::sim
