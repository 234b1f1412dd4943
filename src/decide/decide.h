// decide: given what is seen and remembered, say what should be under way now, and why. A pure
// function: no clock, I/O, threads, logging or dice; the same values give the same answer, in the
// agent, in the simulator and in a replay. The catalogue of rules is docs/rules.md.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/instant.h"
#include "base/shared.h"
#include "decide/observation.h"
#include "decide/plan.h"

namespace pgherd {

// What a standby can know of whether somebody lets it stream.
struct UpstreamState {
  NodeName name;
  bool is_running = false;
  bool is_primary = false;
  bool has_slot = false;  // the leader says that it has this standby's slot
  bool operator==(const UpstreamState&) const = default;
};

// What the guardian is to do, and the rule that says so (fence.cc).
struct FenceOrder {
  enum class Kind {
    NotTold,  // by this life of the agent: what an earlier one has ordered stands
    Disarmed,
    Armed,  // it kills PostgreSQL at `at`, unless it hears otherwise before
  };
  Kind kind = Kind::NotTold;
  Instant at;
  std::int64_t postmaster_pid = 0;  // 0: whichever runs then
  bool earlier_stands = false;      // an order that comes earlier is not replaced
  std::string_view rule = {};
  bool operator==(const FenceOrder&) const = default;
};

// What cannot be seen again.
struct Memory {
  // Since when the store says that nobody leads; reset when somebody does.
  std::optional<Instant> unlocked_since;
  // Members of the last picture that had a leader: their keys may expire together with the
  // leader's.
  SharedMap<std::map<NodeName, Member>> last_known_members;
  NodeName last_leader;
  // A primary runs here and no answer of the store since then has confirmed that it may.
  std::optional<Instant> primary_unconfirmed_since;
  // A cluster was made here and its keys are not in the store yet.
  bool bootstrap_is_unconfirmed = false;
  std::optional<Instant> starting_since;
  std::optional<Instant> not_streaming_since;
  // Acts of the instance lane that failed in a row, and when to try again.
  int failed_acts = 0;
  Instant retry_act_at;
  Instant counted_act_at;  // the end of the last act that has been counted
  // Promotions that failed in a row, since this node led or followed a running primary; whether the
  // server that is to be promoted restores from an archive; and whether it was started without,
  // since the key was taken.
  int failed_promotions = 0;
  bool has_archive = false;
  bool tried_without_archive = false;
  // After a failed attempt to lead, or after stepping down: not before lead_again_at while somebody
  // else could lead, and in no case before lead_alone_at.
  Instant lead_again_at;
  Instant lead_alone_at;
  // This leader is giving up its place: PostgreSQL stops, then the key is released.
  enum class SteppingDown { No, WhenReceived, AtOnce };
  SteppingDown stepping_down = SteppingDown::No;
  std::optional<NodeName> stepping_down_for;
  std::optional<Instant> stopped_since;   // while stepping down
  std::optional<Instant> received_since;  // somebody has the last record, since when that is known
  bool rewind_failed = false;             // against the present leader
  // Whom this standby streams from, as it was last seen to change, and since when it is so; how
  // often the receiver was woken since it last streamed, and when it may be again.
  UpstreamState upstream;
  Instant upstream_since;
  int receiver_wakes = 0;
  Instant wake_receiver_at;
  // Slot name -> when its member was last there, to the second.
  SharedMap<std::map<std::string, Instant>> member_slots_seen;
  std::optional<Instant> members_noted_at;  // in member_slots_seen
  std::optional<Instant> slots_kept_at;
  Instant slots_checked_in;  // seen_at of the view in which no slot was missing
  std::optional<Instant> member_published_at;
  Shared<Member> member_sent;
  std::optional<Instant> status_published_at;
  std::optional<Instant> leaving_since;
  // ---- Synchronous replication
  // All standbys that commits wait for are gone, since when; and whether one was there before.
  std::optional<Instant> sync_lonely_since;
  bool sync_had_company = false;
  bool sync_is_settled = true;  // nothing is to be changed, and nobody is missing
  // The last attempts, so that a refusal is not answered by the same a moment later.
  std::optional<Instant> sync_written_at;
  Revision sync_written_over;
  std::optional<Instant> sync_names_set_at;
  std::optional<std::string> sync_names_set;
  // Since when this node asks to be no synchronous standby any more, to restart or to leave.
  std::optional<Instant> release_asked_at;
  // Maintenance mode: whether it was on the last time, and when it ended.
  bool was_paused = false;
  std::optional<Instant> resumed_at;
  // PostgreSQL is down on the way of something that this agent does and that ends with its running
  // again (a handover, a repair, a restart, a copy): that goes on in maintenance mode as well.
  bool comes_back = false;
  std::optional<Instant> began_at;  // this life of the agent
  // Every name that may stand in `/failsafe`: what it shows, and what was sent to it since.
  std::map<NodeName, std::string> failsafe_members;
  // failsafe_mode was on: what is left of it in others lasts until then.
  Instant failsafe_lasts_until;
  // Since when rounds are not accepted, in a row.
  std::optional<Instant> failsafe_refused_since;
  // The request to change the leader that stands in the store, and since when it is known here:
  // what others said of themselves before says nothing about it.
  Revision failover_request;
  Instant failover_request_at;
  // This node's PostgreSQL runs as the leader's; the crashes of such a one in a row.
  bool ran_as_leader = false;
  int crashes = 0;
  std::optional<Instant> crashed_at;
  // How far the stream was when last looked at, and when it last moved.
  Lsn streamed_to;
  Instant streamed_at;
  // The last renewal for which the watchdog was fed, and for which arming it was tried, and when
  // that was; when an armed one that is not wanted may be asked again to be disarmed.
  Instant fed_for;
  Instant armed_for;
  Instant arming_tried_at;
  Instant disarm_again_at;
  FenceOrder fence;  // what the guardian was told last
  bool operator==(const Memory&) const = default;
};

struct Decision {
  Plan plan;
  Memory memory;
  // To be told to the guardian before the plan is carried out, if it is another one than before.
  FenceOrder fence;
  std::vector<Reason> reasons;
  // When to think again at the latest, if nothing happens before.
  Instant wake_at;
  // At rest: until `wake_at`, and as long as the store and PostgreSQL look the same, nothing is to
  // be done but to look at PostgreSQL this often. Zero: not at rest.
  Duration look_every{};
  // The cycle's one-line summary in Patroni's words ("no action. I am (pg0), the leader with the
  // lock").
  std::string summary;
  // Whether `/leader` is mine by a confirmation that has not run out: what REST shows as leader.
  bool is_leader = false;
  // What this node is to say of itself, in the store and by REST, whether or not it can be
  // published.
  Member portrait;
  // The watchdog is required and cannot be used: others must not count on this node.
  bool watchdog_failed = false;
  // As Memory::failed_promotions: whoever knows does not wait for this node.
  int failed_promotions = 0;
  bool operator==(const Decision&) const = default;
};

// From when the time of a leader counts: the sending of the last renewal, or of the last failsafe
// round that all accepted.
[[nodiscard]] Instant leads_since(const Observation& seen);
// Whether this node may promise a primary without the store not to take its place. The answer and
// the promise are one: it is given at the moment it is asked for. `why_not` for the log.
[[nodiscard]] bool may_promise(const Observation& seen, const FailsafePing& ping,
                               std::string& why_not);
// The promise that is given then: for the longer of both ttls, and never shorter than one before.
[[nodiscard]] FailsafePromise promise_to(const Observation& seen, const FailsafePing& ping,
                                         Instant now);
// For REST: this node is a primary without the store that all have accepted, or has accepted one.
[[nodiscard]] bool failsafe_is_active(const Observation& seen, Instant now);

[[nodiscard]] Decision decide(const Observation& seen, const Memory& remembered, Instant now);

}  // namespace pgherd
