#include "decide/moves/giving_way.h"

#include <algorithm>

namespace pgherd {

bool leaves_the_field(Draft& draft) {
  if (draft.has_come(draft.memory.election.lead_again_at)) return false;
  if (!draft.has_come(draft.memory.election.lead_alone_at)) return true;
  const auto targets = known_others(draft);
  const Verdict verdict = prefer_others(draft, targets);
  if (verdict.runs()) return false;
  if (verdict.kind == Verdict::Kind::No) draft.because(verdict.rule, verdict.why);
  ask_rivals(draft, targets, next_round_after(verdict));
  draft.wake_in(kNextRound);
  return true;
}

std::optional<Duration> next_round_after(const Verdict& verdict) {
  if (verdict.kind != Verdict::Kind::No) return std::nullopt;
  return kNextRound;
}

void ask_rivals(Draft& draft, const Targets& targets, std::optional<Duration> again_after) {
  const bool needs_answers = std::any_of(targets.begin(), targets.end(), [&](const auto& target) {
    const PeerView* peer = draft.fresh_peer(target.first);
    return peer == nullptr || (again_after && draft.has_come(peer->asked_at + *again_after));
  });
  if (needs_answers && !draft.seen.is_under_way(Lane::Peers)) {
    draft.plan(ProbePeers{.targets = targets, .timeout = draft.probe_timeout()});
  }
}

}  // namespace pgherd
