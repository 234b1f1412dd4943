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
  ask_rivals(draft, targets, verdict.kind == Verdict::Kind::No);
  draft.wake_in(kNextRound);
  return true;
}

void ask_rivals(Draft& draft, const Targets& targets, bool is_refused) {
  const bool needs_answers = std::any_of(targets.begin(), targets.end(), [&](const auto& target) {
    const PeerView* peer = draft.fresh_peer(target.first);
    return peer == nullptr || (is_refused && draft.has_come(peer->asked_at + kNextRound));
  });
  if (needs_answers && !draft.seen.is_under_way(Lane::Peers)) {
    draft.plan(ProbePeers{.targets = targets, .timeout = draft.probe_timeout()});
  }
}

}  // namespace pgherd
