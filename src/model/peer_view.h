// PeerView: what another member's REST API answered last (`GET <api_url>`), as elections need it.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "base/instant.h"
#include "model/ids.h"
#include "model/lsn.h"

namespace pgherd {

struct PeerView {
  Instant asked_at;
  Instant answered_at;
  // False: no answer, an unreadable one, or one without positions (its PostgreSQL does not answer).
  bool is_reachable = false;
  std::string problem;  // why it is not reachable, for the log
  // Not reachable, for it is a primary that still shuts down: it may yet answer its clients.
  bool is_closing = false;
  // Not reachable, for it has shut down and given up its place.
  bool is_demoted = false;
  bool in_recovery = true;
  Lsn position;  // primary: 0; standby: max(received, replayed)
  Timeline timeline;
  // A standby's own word; false also of a Patroni before 3.0.4, which does not say.
  bool is_streaming = false;
  bool nofailover = false;
  int failover_priority = 1;
  bool watchdog_failed = false;
  // Of its PostgreSQL, in a row, since it last followed a running primary. 0: also of a Patroni
  // member, which does not say.
  int failed_promotions = 0;

  friend bool operator==(const PeerView&, const PeerView&) = default;
};

// What a primary that has lost the store tells the members that `/failsafe` names (POST /failsafe).
struct FailsafePing {
  NodeName name;
  std::string conn_url;
  std::string api_url;
  std::map<std::string, Lsn> slots;
  // How long the sender may lead by an acceptance: its ttl, which may not be the receiver's (it
  // cannot see a change of `/config`). 0: a Patroni member, which does not say.
  Milliseconds ttl = 0ms;
  friend bool operator==(const FailsafePing&, const FailsafePing&) = default;
};

// How such a round went. Only the acceptance of all counts.
struct FailsafeRound {
  Instant asked_at;
  Instant ended_at;
  bool is_accepted = false;
  std::string problem;                // who did not accept, and why
  std::map<NodeName, Lsn> positions;  // of those who said, with their acceptance, how far they are
  friend bool operator==(const FailsafeRound&, const FailsafeRound&) = default;
};

}  // namespace pgherd
