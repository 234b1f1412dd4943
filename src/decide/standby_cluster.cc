#include "decide/rules.h"

namespace pgherd {
namespace {

constexpr Duration kRemoteGrace = 3s;

bool follows(const UpstreamView& present, const Upstream& wanted) {
  return present.host == wanted.host &&
         (wanted.host.empty() || (present.port == wanted.port && present.slot == wanted.slot));
}

}  // namespace

std::optional<Upstream> remote_primary(const Draft& draft) {
  const auto& section = draft.seen.settings.standby_cluster;
  if (!section) return std::nullopt;
  Upstream upstream;
  upstream.name = "the remote primary";
  upstream.host = section->host;
  if (!section->host.empty()) {
    upstream.port = section->port.empty() ? "5432" : section->port;
    upstream.slot = section->primary_slot_name;
  }
  upstream.is_remote = true;
  upstream.restore_command = section->restore_command;
  upstream.archive_cleanup_command = section->archive_cleanup_command;
  upstream.recovery_min_apply_delay = section->recovery_min_apply_delay;
  return upstream;
}

std::optional<Upstream> upstream_in_standby_cluster(const Draft& draft) {
  if (!draft.seen.settings.standby_cluster) return std::nullopt;
  switch (draft.leadership()) {
    case Leadership::Mine:
      return remote_primary(draft);
    case Leadership::Others:
      return upstream_for(draft);
    case Leadership::Nobodys:
      break;
  }
  return std::nullopt;
}

// C1 the leader of a standby cluster follows the remote primary and never promotes. C2 a cluster
// that is made one shuts its primary down cleanly and keeps its key: it comes back as the standby
// leader (C1). C3 it cannot stream: the histories are compared, and the data repaired where that is
// allowed; they are never removed for it (safety 96). When the section goes, K2 promotes.
// Authority: Patroni ha.py (enforce_follow_remote_member, demote-cluster).
bool lead_standby_cluster(Draft& draft) {
  const InstanceView& instance = draft.instance();
  const auto remote = remote_primary(draft);
  if (instance.is_running_primary()) {
    if (draft.seen.settings.paused) return true;
    draft.because("C2", "the cluster follows another one now: shutting the primary down");
    draft.say("demoting the primary: this is a standby cluster now");
    draft.plan(Demote{.mode = DemoteMode::DemoteCluster});
    return true;
  }
  draft.say("no action. I am (" + draft.me() + "), the standby leader with the lock");
  if (!remote || !instance.is_running_standby()) return true;
  if (!follows(instance.upstream, *remote)) {
    if (!draft.act_may_be_tried()) {
      draft.wake(draft.memory.retry_act_at);
      return true;
    }
    draft.because("C1", "following the remote primary at " +
                            (remote->host.empty() ? std::string("its archive") : remote->host));
    draft.plan(Follow{.upstream = *remote});
    return true;
  }
  if (handle_failover_request(draft)) return true;
  const auto& idle = draft.memory.not_streaming_since;
  if (remote->host.empty() || instance.is_streaming || !idle || draft.seen.settings.paused) {
    return true;
  }
  if (draft.now < *idle + kRemoteGrace) {
    draft.wake(*idle + kRemoteGrace);
    return true;
  }
  const auto& seen = draft.seen.divergence;
  const bool is_known = seen && seen->source == remote->name && seen->seen_at >= *idle;
  if (!is_known || (seen->verdict != Divergence::Diverged && draft.now >= seen->seen_at + 10s)) {
    draft.because("C3", "comparing the local history with the remote primary's");
    draft.plan(ExamineDivergence{.source = *remote});
  } else if (seen->verdict == Divergence::Diverged) {
    draft.because("C3", "the local history has left the remote primary's: " + seen->detail);
    if (draft.seen.settings.use_pg_rewind && instance.control && instance.control->can_be_rewound) {
      draft.plan(Stop{.mode = StopMode::Fast});
    } else {
      draft.say("the local data has left the history of the remote primary (" + seen->detail +
                "), and pg_rewind is off or impossible: make this cluster anew");
    }
  } else {
    draft.wake(seen->seen_at + 10s);
  }
  return true;
}

}  // namespace pgherd
