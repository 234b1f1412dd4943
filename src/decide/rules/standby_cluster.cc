#include "decide/rules/standby_cluster.h"

#include "decide/facts/upstream.h"

namespace pgherd {
namespace {

constexpr Duration kRemoteGrace = 3s;
constexpr Duration kCompareAgain = 10s;

bool follows(const UpstreamView& present, const Upstream& wanted) {
  return present.host == wanted.host &&
         (wanted.host.empty() || (present.port == wanted.port && present.slot == wanted.slot));
}

}  // namespace

// C2 a cluster that is made one shuts its primary down cleanly and keeps its key: it comes back as
// the standby leader (C1). When the section goes, K2 promotes. Authority: Patroni ha.py
// (demote-cluster).
bool demote_for_remote_primary(Draft& draft) {
  if (!draft.instance().is_running_primary()) return false;
  if (draft.seen.settings.paused) return true;
  draft.because("C2", "the cluster follows another one now: shutting the primary down");
  draft.say("demoting the primary: this is a standby cluster now");
  draft.plan(Demote{.mode = DemoteMode::DemoteCluster});
  return true;
}

// C1 the leader of a standby cluster follows the remote primary and never promotes. Authority:
// Patroni ha.py (enforce_follow_remote_member).
bool point_at_remote_primary(Draft& draft) {
  draft.say("no action. I am (" + draft.me() + "), the standby leader with the lock");
  const auto remote = remote_primary(draft);
  if (!remote || !draft.instance().is_running_standby()) return true;
  if (follows(draft.instance().upstream, *remote)) return false;
  if (!draft.act_may_be_tried()) return true;
  draft.because("C1", "following the remote primary at " +
                          (remote->host.empty() ? std::string("its archive") : remote->host));
  draft.plan(Follow{.upstream = *remote});
  return true;
}

// C3 it cannot stream: the histories are compared, and the data repaired where that is allowed;
// they are never removed for it (safety 96).
void compare_with_remote_primary(Draft& draft) {
  const InstanceView& instance = draft.instance();
  const Upstream remote = *remote_primary(draft);
  const auto& idle = draft.memory.stream.absent_since;
  if (remote.host.empty() || instance.is_streaming || !idle || draft.seen.settings.paused) return;
  if (!draft.has_come(*idle + kRemoteGrace)) return;
  const auto& seen = draft.seen.divergence;
  const bool is_known = seen && seen->source == remote.name && seen->seen_at >= *idle;
  if (!is_known ||
      (seen->verdict != Divergence::Diverged && draft.has_come(seen->seen_at + kCompareAgain))) {
    draft.because("C3", "comparing the local history with the remote primary's");
    draft.plan(ExamineDivergence{.source = remote});
  } else if (seen->verdict == Divergence::Diverged) {
    draft.because("C3", "the local history has left the remote primary's: " + seen->detail);
    if (draft.seen.settings.use_pg_rewind && instance.control && instance.control->can_be_rewound) {
      draft.plan(Stop{.mode = StopMode::Fast});
    } else {
      draft.say("the local data has left the history of the remote primary (" + seen->detail +
                "), and pg_rewind is off or impossible: make this cluster anew");
    }
  }
}

}  // namespace pgherd
