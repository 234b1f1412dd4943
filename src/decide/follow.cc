#include "decide/rules.h"

namespace pgherd {
namespace {

// A standby that has been pointed at the leader gets this long to stream before the histories are
// compared, and as long again between comparisons that told nothing.
constexpr Duration kStreamingGrace = 1500ms;
constexpr Duration kExamineAgain = 2s;
// After a comparison that does not fit what the leader says of itself: either may be the older one.
constexpr Duration kExamineSoon = 500ms;

std::optional<Upstream> as_upstream(const Draft& draft, const Member* member) {
  if (member == nullptr) return std::nullopt;
  const auto address = parse_conn_url(member->conn_url);
  if (!address) return std::nullopt;
  Upstream upstream{
      .name = member->name,
      .host = address->host,
      .port = address->port,
      .slot = draft.seen.settings.use_slots ? slot_name_of(draft.me()) : std::string{},
  };
  // What a standby cluster says of the archive holds for all its members.
  if (const auto& section = draft.seen.settings.standby_cluster) {
    upstream.restore_command = section->restore_command;
    upstream.archive_cleanup_command = section->archive_cleanup_command;
  }
  return upstream;
}

bool points_at(const UpstreamView& present, const Upstream& wanted) {
  return present.host == wanted.host && present.slot == wanted.slot &&
         (present.port == wanted.port || wanted.host.empty());
}

// The verdict about the present leader on its present timeline, if there is a usable one.
const DivergenceSeen* verdict(const Draft& draft) {
  const auto& seen = draft.seen.divergence;
  const Member* leader = draft.cluster().leader_member();
  if (!seen || leader == nullptr || seen->source != leader->name) return nullptr;
  if (leader->timeline && seen->source_timeline.is_known() &&
      seen->source_timeline != *leader->timeline) {
    return nullptr;
  }
  return &*seen;
}

bool is_settled(const Member& leader) {
  return leader.role == MemberRole::Primary || leader.role == MemberRole::StandbyLeader;
}

void examine(Draft& draft, const Upstream& source, const DivergenceSeen* known) {
  const auto& last = draft.seen.divergence;
  const Duration pause = known != nullptr ? kExamineAgain : kExamineSoon;
  if (last && last->source == source.name && draft.now < last->seen_at + pause) {
    draft.wake(last->seen_at + pause);
    return;
  }
  draft.because("F3", "comparing the local history with the one of '" + source.name + "'");
  draft.plan(ExamineDivergence{.source = source});
}

void explain_refusal(Draft& draft, const DivergenceSeen& known) {
  std::string why = "the local data has left the history of '" + known.source + "' (" +
                    known.detail + ") and may not be repaired: ";
  if (!draft.seen.settings.use_pg_rewind) {
    why += "postgresql.use_pg_rewind is off";
  } else {
    why += "pg_rewind needs wal_log_hints or data checksums";
  }
  why +=
      ". Look at what would be lost, then run 'ctl reinit' for this member, or set "
      "postgresql.remove_data_directory_on_diverged_timelines";
  draft.say(why);
  draft.because("F6", std::move(why));
}

}  // namespace

std::optional<Upstream> leader_as_source(const Draft& draft) {
  return as_upstream(draft, draft.cluster().leader_member());
}

std::optional<Upstream> upstream_for(const Draft& draft) {
  const Tags& tags = draft.seen.self.tags;
  if (tags.nostream) return Upstream{};
  if (tags.replicatefrom && *tags.replicatefrom != draft.me()) {
    if (auto chosen = as_upstream(draft, draft.cluster().member(*tags.replicatefrom)))
      return chosen;
  }
  return leader_as_source(draft);
}

// F4 histories agree: start and follow. F5 they don't: rewind where that is possible and allowed,
// else copy afresh where the settings allow it. F6 else a person decides, and is told what to do.
// A rewind that failed before it changed anything is tried again after a pause, for most of what it
// can fail of passes by itself; one that was interrupted half-way leaves a broken directory (B8).
// PostgreSQL is down here. Authority: Patroni rewind.py; PostgreSQL manual, pg_rewind.
void repair_divergence(Draft& draft) {
  const auto source = leader_as_source(draft);
  const Member* leader = draft.cluster().leader_member();
  if (!source || !is_settled(*leader)) {
    draft.say("waiting for '" + draft.cluster().leader->name + "' to be a running primary");
    return;
  }
  const DivergenceSeen* known = verdict(draft);
  if (known == nullptr || known->verdict == Divergence::Unknown) {
    draft.say("waiting to compare histories with '" + source->name + "'");
    return examine(draft, *source, known);
  }
  if (known->verdict == Divergence::None) {
    draft.because("F4", "the local history is part of the one of '" + source->name + "'");
    draft.plan(StartStandby{.upstream = upstream_for(draft).value_or(*source)});
    return;
  }
  const Settings& settings = draft.seen.settings;
  const bool can_rewind = settings.use_pg_rewind && draft.instance().control->can_be_rewound;
  const bool gives_up_rewind =
      draft.memory.rewind_failed && settings.remove_data_directory_on_rewind_failure;
  if (can_rewind && !gives_up_rewind) {
    if (leader->checkpoint_after_promote_is_pending) {
      draft.say("waiting for the checkpoint of '" + source->name + "' before pg_rewind");
      return;
    }
    draft.because("F5", "running pg_rewind from '" + source->name + "': " + known->detail);
    draft.plan(Rewind{.source = *source});
    return;
  }
  const bool may_remove = settings.remove_data_directory_on_diverged_timelines || gives_up_rewind;
  if (!may_remove) return explain_refusal(draft, *known);
  draft.because("F5", "removing the data directory for a fresh copy from '" + source->name + "'");
  draft.plan(RemoveDataDirectory{.why = known->detail});
}

// F1 point at the leader. F8 wake the receiver when there is somebody to stream from again. F2 a standby that does not stream compares histories, for it may be ahead
// of the point where the leader's timeline began. Authority: Patroni ha.py follow.
void follow(Draft& draft) {
  const InstanceView& instance = draft.instance();
  const NodeName& leader = draft.cluster().leader->name;
  if (!instance.is_running_standby()) return;
  const auto wanted = upstream_for(draft);
  draft.say("no action. I am (" + draft.me() + "), a secondary, and following a leader (" + leader +
            ")");
  forget_synchronous(draft);
  if (!wanted) return;
  if (!points_at(instance.upstream, *wanted)) {
    if (!draft.act_may_be_tried()) return draft.wake(draft.memory.retry_act_at);
    draft.because("F1", "following '" + (wanted->host.empty() ? "nobody" : wanted->name) + "'");
    draft.say("following new leader '" + leader + "'");
    draft.plan(Follow{.upstream = *wanted});
    return;
  }
  // E1 is over: somebody leads, and this node is a standby like any other.
  if (instance.is_streaming) {
    draft.memory.lead_again_at = draft.memory.lead_alone_at = {};
    // What kept this node from its promotion may be over with the next one; who only holds the key
    // has not shown yet that it can do better.
    const Member* leads = draft.cluster().leader_member();
    if (leads != nullptr && is_settled(*leads)) draft.memory.failed_promotions = 0;
  }
  wake_receiver(draft, *wanted);
  if (wanted->host.empty() || instance.is_streaming || !draft.memory.not_streaming_since) return;
  if (draft.seen.settings.paused) return;  // M1: no repair begins
  const Instant patience = *draft.memory.not_streaming_since + kStreamingGrace;
  if (draft.now < patience) return draft.wake(patience);
  const auto source = leader_as_source(draft);
  const Member* member = draft.cluster().leader_member();
  if (!source || !is_settled(*member)) return;
  const DivergenceSeen* known = verdict(draft);
  if (known != nullptr && known->verdict == Divergence::Diverged &&
      known->seen_at >= *draft.memory.not_streaming_since) {
    draft.because("F2", "this standby cannot follow '" + leader + "': " + known->detail);
    draft.plan(Stop{.mode = StopMode::Fast});
    return;
  }
  examine(draft, *source, known);
}

// F7 a leader that is gone may take seconds to be known as silent (its name is looked up, its address
// is tried), and for so long nobody could be elected. Seen in Docker Compose: the name server of an
// internal network does not answer for the name of a container that has died.
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
