// The order of operations of synchronous replication, as pure functions of values. Two stores must
// agree: synchronous_standby_names says who must have a commit before it is acknowledged, `/sync`
// says who may be elected. Each function yields the next single operation; each may be the last one
// that is carried out, and the next call goes on from whatever is then seen.
//
// What holds after every operation, as long as anybody but the leader is electable (safety B3): the
// nodes that a commit is on (p and n of M) and those that an election needs (Q + 1 out of V and L)
// have one in common:
//     |V + L + M + p| <= Q + n + 1, and one of V + L, M + p contains the other.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "model/cluster_view.h"
#include "model/sync_names.h"

namespace pgherd {

struct SyncFacts {
  NodeName me;
  // `/sync`, whose leader is not empty.
  NodeName leader;
  NameSet voters;
  int quorum = 0;
  // What PostgreSQL says of synchronous_standby_names.
  SyncNames names;
  // It is known since which position they have been in force, so that `confirmed` means something.
  bool is_confirmable = false;
  // Standbys that stream and may be synchronous: in priority mode the chosen ones.
  NameSet active;
  // Of those that are listed, the ones that have everything up to that position.
  NameSet confirmed;
  int wanted = 1;  // synchronous_node_count
  bool is_strict = false;
  // Standbys that are all gone may be back in a moment: nothing is given up yet.
  bool is_patient = false;
};

// At most one of the two is set.
struct SyncMove {
  std::optional<SyncKey> key;
  std::optional<SyncNames> names;
  std::string_view rule;
  bool is_warning = false;  // an operator has to know
  std::string why;
  // Something is to follow when the standbys have caught up or come back.
  bool is_waiting = false;
};

// synchronous_mode on.
[[nodiscard]] SyncMove next_priority_move(const SyncFacts& facts);
// The same on a standby that is about to be promoted; no move: it may.
[[nodiscard]] SyncMove priority_move_before_promotion(const SyncFacts& facts);

// synchronous_mode quorum.
[[nodiscard]] SyncMove next_quorum_move(const SyncFacts& facts);
[[nodiscard]] SyncMove quorum_move_before_promotion(const SyncFacts& facts);

// The same, in either mode, for one whom an operator has forced on the cluster: `/sync` goes on
// naming its leader, another one, until this node is open.
[[nodiscard]] SyncMove move_before_forced_promotion(const SyncFacts& facts);

// `/sync` with nobody but the leader.
[[nodiscard]] SyncKey alone(const NodeName& leader);
[[nodiscard]] SyncKey sync_key(const NodeName& leader, const NameSet& voters, int quorum);

}  // namespace pgherd
