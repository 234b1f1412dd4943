#include "decide/moves/stepping_down.h"

#include <utility>

namespace pgherd {

void begin_stepping_down(Draft& draft, DemoteMode mode, std::optional<NodeName> successor) {
  // A standby leader has nothing that its successor cannot get from the remote primary.
  const bool is_awaited = mode == DemoteMode::Graceful && !draft.seen.settings.standby_cluster;
  draft.memory.stepping_down = {
      .state = is_awaited ? SteppingDown::WhenReceived : SteppingDown::AtOnce,
      .successor = std::move(successor),
      .stopped_since = {},
      .received_since = {},
  };
  draft.plan(Demote{.mode = mode});
}

}  // namespace pgherd
