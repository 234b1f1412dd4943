#include "decide/rules/follow.h"

#include <algorithm>

#include "decide/facts/divergence.h"
#include "decide/facts/upstream.h"
#include "decide/moves/repair.h"

namespace pgherd {
namespace {

// A standby that has been pointed at the leader gets this long to stream before the histories are
// compared.
constexpr Duration kStreamingGrace = 1500ms;
constexpr Duration kWakingGrace = 500ms;

bool points_at(const UpstreamView& present, const Upstream& wanted) {
  return present.host == wanted.host && present.slot == wanted.slot &&
         (present.port == wanted.port || wanted.host.empty());
}

}  // namespace

void say_follows(Draft& draft) {
  draft.say("no action. I am (" + draft.me() + "), a secondary, and following a leader (" +
            draft.cluster().leader->name + ")");
}

// F1 point at the leader.
bool point_at(Draft& draft, const Upstream& wanted) {
  if (points_at(draft.instance().upstream, wanted)) return false;
  if (!draft.act_may_be_tried()) return true;
  draft.because("F1", "following '" + (wanted.host.empty() ? "nobody" : wanted.name) + "'");
  draft.say("following new leader '" + draft.cluster().leader->name + "'");
  draft.plan(Follow{.upstream = wanted});
  return true;
}

void note_stream(Draft& draft) {
  if (!draft.instance().is_streaming) return;
  // E1 is over: somebody leads, and this node is a standby like any other.
  draft.memory.election.lead_again_at = draft.memory.election.lead_alone_at = {};
  // What kept this node from its promotion may be over with the next one; who only holds the key
  // has not shown yet that it can do better.
  const Member* leads = draft.cluster().leader_member();
  if (leads != nullptr && leads_by_its_own_word(*leads)) draft.memory.promotion.failures = 0;
}

// F2 a standby that does not stream compares histories, for it may be ahead of the point where the
// leader's timeline began. Authority: Patroni ha.py follow.
void doubt_history(Draft& draft, const Upstream& wanted) {
  const InstanceView& instance = draft.instance();
  if (wanted.host.empty() || instance.is_streaming || !draft.memory.stream.absent_since) return;
  if (draft.seen.settings.paused) return;  // M1: no repair begins
  // A leader that was away is there again: first the receiver is woken (F8).
  const Instant patience = std::max(*draft.memory.stream.absent_since + kStreamingGrace,
                                    draft.memory.receiver.upstream_since + kWakingGrace);
  if (!draft.has_come(patience)) return;
  const auto source = leader_as_source(draft);
  const Member* leader = draft.cluster().leader_member();
  if (!source || !leads_by_its_own_word(*leader)) return;
  const DivergenceSeen* known = verdict_on_leader(draft);
  if (known != nullptr && known->verdict == Divergence::Diverged &&
      known->seen_at >= *draft.memory.stream.absent_since) {
    draft.because("F2", "this standby cannot follow '" + leader->name + "': " + known->detail);
    draft.plan(Stop{.mode = StopMode::Fast});
    return;
  }
  compare_histories(draft, *source, known);
}

// F7 a leader that is gone may take seconds to be known as silent (its name is looked up, its
// address is tried), and for so long nobody could be elected. Seen in Docker Compose: the name
// server of an internal network does not answer for the name of a container that has died.
bool end_examination(Draft& draft) {
  const auto* examination = draft.seen.under_way_as<ExamineDivergence>(Lane::Instance);
  if (examination == nullptr || draft.seen.settings.paused) return false;
  if (!draft.seen.store.is_reachable || !draft.seen.store.cluster) return false;
  if (draft.leadership() != Leadership::Nobodys) return false;
  draft.because("F7", "nobody leads: the comparison with '" + examination->source.name +
                          "' would hold up the election");
  draft.plan(CancelInstanceAct{.why = "nobody leads any more"});
  return true;
}

}  // namespace pgherd
