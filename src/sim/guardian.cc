#include "sim/guardian.h"

namespace pgherd::sim {

void Guardian::arm(Instant at, std::int64_t postmaster_pid) {
  ground_.queue.cancel(order_);
  order_ = ground_.queue.at(time_.true_time(at), [this, postmaster_pid] {
    if (server_.process() == ProcessState::Stopped) return;
    if (postmaster_pid != 0 && postmaster_pid != server_.pid()) return;
    ground_.tell(server_.name(), [] { return "the guardian fences"; });
    ++kills_;
    server_.kill();
  });
}

}  // namespace pgherd::sim
