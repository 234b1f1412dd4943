#include "decide/facts/opening.h"

#include <algorithm>

namespace pgherd {

bool comes_up_as_primary(const Draft& draft) {
  return draft.instance().process == ProcessState::Starting &&
         !draft.instance().has_standby_signal && !draft.has_act_under_way();
}

bool was_primary(const ControlData& control) {
  return control.state == ControlState::InProduction || control.state == ControlState::ShutDown ||
         control.state == ControlState::ShuttingDown ||
         control.state == ControlState::InCrashRecovery ||
         control.state == ControlState::StartingUp;
}

Timeline timeline_at_rest(const ControlData& control) {
  return std::max(control.timeline, control.minimum_recovery_timeline);
}

bool is_being_stopped(const Draft& draft) {
  return draft.seen.under_way_as<Demote>(Lane::Instance) != nullptr ||
         draft.seen.under_way_as<Stop>(Lane::Instance) != nullptr;
}

}  // namespace pgherd
