// What the agent wants to have done. In this order; a command presumes those before it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "agent/events.h"
#include "base/instant.h"
#include "decide/decide.h"
#include "steps/plan.h"

namespace pgherd {

struct StartStep {
  StepId id = 0;
  Step step;
  Instant deadline;  // for store steps; never() for acts on PostgreSQL, which have their own
};
// To the guardian: what it was ordered before does not hold any more.
struct OrderFence {
  FenceOrder order;
};
struct WakeAt {
  Instant when;
};
// Something changed: worth a line in the log and a record in the journal.
struct Tell {
  std::string summary;  // Decision::summary
  std::vector<Reason> reasons;
};
// To whoever asked: granted (a restart: done), or why not.
struct AnswerRequest {
  std::uint64_t id = 0;
  bool is_granted = false;
  std::string detail;
  std::string_view rule;  // that decided it; empty: the end of the restart itself
};

using Command = std::variant<StartStep, OrderFence, WakeAt, Tell, AnswerRequest>;

}  // namespace pgherd
