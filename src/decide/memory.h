// Memory: what cannot be seen again, by the family of rules that needs it. Each part is a value
// with its own empty state; a rule that begins anew assigns that.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/instant.h"
#include "base/shared.h"
#include "model/cluster_view.h"
#include "model/ids.h"
#include "model/lsn.h"
#include "model/member.h"

namespace pgherd {

struct ElectionMemory {  // E
  // Since when the store says that nobody leads; reset when somebody does.
  std::optional<Instant> unlocked_since;
  // Members of the last picture that had a leader: their keys may expire together with the
  // leader's.
  SharedMap<std::map<NodeName, Member>> last_known_members;
  NodeName last_leader;
  // The key was last taken on an operator's word, by one who may lack what was acknowledged.
  bool was_forced = false;
  // Since when those who answer are asked for the last time before the key is taken.
  std::optional<Instant> last_round_at;
  // After a failed attempt to lead, or after stepping down: not before lead_again_at while somebody
  // else could lead, and in no case before lead_alone_at.
  Instant lead_again_at;
  Instant lead_alone_at;
  bool operator==(const ElectionMemory&) const = default;
};

struct ActsMemory {  // the long acts on PostgreSQL
  int failed = 0;    // in a row
  Instant retry_at;
  Instant counted_at;  // the end of the last act that has been counted
  // PostgreSQL is down on the way of something that this agent does and that ends with its running
  // again (a handover, a repair, a restart, a copy): that goes on in maintenance mode as well.
  bool comes_back = false;
  bool rewind_failed = false;  // against the present leader
  // The act under way, by its beginning, and until when it was told that it may open PostgreSQL.
  Instant extended_act;
  Instant extended_to;
  bool operator==(const ActsMemory&) const = default;
};

struct PromotionMemory {  // K
  int failures = 0;       // in a row, since this node led or followed a running primary
  // Of the server that is to be promoted: it restores from an archive; it was started without,
  // since the key was taken.
  bool has_archive = false;
  bool tried_without_archive = false;
  bool operator==(const PromotionMemory&) const = default;
};

// This leader is giving up its place: PostgreSQL stops, then the key is released.
enum class SteppingDown { No, WhenReceived, AtOnce };
struct SteppingDownMemory {  // D6 to D8
  SteppingDown state = SteppingDown::No;
  std::optional<NodeName> successor;      // nobody else's receipt counts
  std::optional<Instant> stopped_since;   // PostgreSQL
  std::optional<Instant> received_since;  // somebody has the last record, since when that is known
  bool operator==(const SteppingDownMemory&) const = default;
};

struct CrashMemory {           // R10
  bool was_up = false;         // the server, when nothing was done to it here
  bool ran_as_leader = false;  // this node's PostgreSQL runs as the leader's
  int count = 0;               // crashes of such a one in a row
  std::optional<Instant> last_at;
  bool operator==(const CrashMemory&) const = default;
};

struct StreamMemory {  // F2, E16
  std::optional<Instant> absent_since;
  Lsn reached;  // how far the stream was when last looked at, and when it last moved
  Instant moved_at;
  bool operator==(const StreamMemory&) const = default;
};

// What a standby can know of whether somebody lets it stream.
struct UpstreamState {
  NodeName name;
  bool is_running = false;
  bool is_primary = false;
  bool has_slot = false;  // the leader says that it has this standby's slot
  bool operator==(const UpstreamState&) const = default;
};
struct ReceiverMemory {  // F8
  // Whom this standby streams from, as it was last seen to change, and since when it is so.
  UpstreamState upstream = {};
  Instant upstream_since = {};
  int wakes = 0;  // since it last streamed
  Instant wake_at = {};
  bool operator==(const ReceiverMemory&) const = default;
};

struct SlotsMemory {  // U1
  // Slot name -> when its member was last there, to the second.
  SharedMap<std::map<std::string, Instant>> members_seen;
  std::optional<Instant> members_noted_at;
  Revision members_noted_in;  // the picture that was noted last
  std::optional<Instant> kept_at;
  Instant checked_in;  // seen_at of the view in which no slot was missing
  // Logical slots that were copied, or were to be, and when that was planned.
  std::map<std::string, Instant> copied_at;
  bool operator==(const SlotsMemory&) const = default;
};

struct PublishedMemory {  // P
  std::optional<Instant> member_at;
  Shared<Member> member;
  std::optional<Instant> status_at;
  bool operator==(const PublishedMemory&) const = default;
};

struct SyncMemory {  // Q
  // All standbys that commits wait for are gone, since when; and whether one was there before.
  std::optional<Instant> lonely_since;
  bool had_company = false;
  bool is_settled = true;  // nothing is to be changed, and nobody is missing
  // The last attempts, so that a refusal is not answered by the same a moment later.
  std::optional<Instant> written_at;
  Revision written_over;
  std::optional<Instant> names_set_at;
  std::optional<std::string> names_set;
  // Since when this node asks to be no synchronous standby any more, to restart or to leave.
  std::optional<Instant> release_asked_at;
  bool operator==(const SyncMemory&) const = default;
};

struct PauseMemory {  // M
  bool was_on = false;
  std::optional<Instant> ended_at;  // as far as this agent has heard
  // When the mode ended, if the lease by which this node leads had run out in it: a first renewal
  // gets its time from then on (D1, D2, G2). A lease that was still good binds as ever.
  std::optional<Instant> first_renewal_since;
  // Since when PostgreSQL is to be opened as a primary; whether the last decision asked for it.
  std::optional<Instant> opening_since;
  bool asks_to_open = false;
  bool operator==(const PauseMemory&) const = default;
};

struct FailsafeMemory {  // H
  // Every name that may stand in `/failsafe`: what it shows, and what was sent to it since.
  std::map<NodeName, std::string> members;
  // failsafe_mode was on: what is left of it in others lasts until then.
  Instant lasts_until;
  // Since when rounds are not accepted, in a row.
  std::optional<Instant> refused_since;
  bool operator==(const FailsafeMemory&) const = default;
};

// The request to change the leader that stands in the store, and since when it is known here: what
// others said of themselves before says nothing about it. And since when it has waited for a member
// that could take over to stream (S6).
struct RequestMemory {  // S
  Revision revision;
  Instant known_since;
  std::optional<Instant> unstreamed_since;
  std::optional<Instant> routers_awaited_since;
  bool was_tried = false;  // this node has stopped for it (K4)
  bool operator==(const RequestMemory&) const = default;
};

struct StopMemory {                     // S8
  std::optional<Instant> wanted_since;  // and routers may not be at rest yet
  Instant announce_again_at;
  bool operator==(const StopMemory&) const = default;
};

struct WatchdogMemory {  // W
  // The last renewal for which it was fed, and for which arming it was tried, and when that was;
  // when an armed one that is not wanted may be asked again to be disarmed.
  Instant fed_for;
  Instant armed_for;
  Instant arming_tried_at;
  Instant disarm_again_at;
  bool operator==(const WatchdogMemory&) const = default;
};

// What the guardian is to do, and the rule that says so (G2 to G5).
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

struct Memory {
  std::optional<Instant> began_at;  // this life of the agent
  std::optional<Instant> leaving_since;
  std::optional<Instant> starting_since;  // PostgreSQL
  // A primary runs here and no answer of the store since then has confirmed that it may.
  std::optional<Instant> primary_unconfirmed_since;
  // A cluster was made here and its keys are not in the store yet.
  bool bootstrap_is_unconfirmed = false;
  // The last `/initialize` of a cluster that was seen.
  SystemId known_cluster;
  ElectionMemory election;
  ActsMemory acts;
  PromotionMemory promotion;
  SteppingDownMemory stepping_down;
  CrashMemory crashes;
  StreamMemory stream;
  ReceiverMemory receiver;
  SlotsMemory slots;
  PublishedMemory published;
  SyncMemory sync;
  PauseMemory pause;
  FailsafeMemory failsafe;
  RequestMemory request;
  StopMemory stop;
  WatchdogMemory watchdog;
  FenceOrder fence;  // what the guardian was told last
  bool operator==(const Memory&) const = default;
};

}  // namespace pgherd
