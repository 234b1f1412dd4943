// SyncJudge: the promises of synchronous replication, on the invented world. Part of the referee:
// it counts for itself and shares nothing with the rules.
//
//   B3  an election by `/sync` and an acknowledgement by PostgreSQL's names could miss each other
//   B4  strict mode, and a commit was acknowledged that nobody else has
//   B6  `/sync` lists standbys of which more than the quorum allows lack what was acknowledged
//   B7  a write that was acknowledged synchronously is not in the log of who was promoted
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "sim/clients.h"
#include "sim/server.h"

namespace pgherd::sim {

class SyncJudge {
 public:
  explicit SyncJudge(SimContext& sim) : sim_(sim) {}

  // The store's `/sync`, `/config`, `/failover`, as text ("" = gone).
  void sync_is(const std::string& json);
  void config_is(const std::string& json);
  void request_is(const std::string& json);

  void acknowledged(const Clients::Acknowledged& write);
  // What must not be, if it is so.
  [[nodiscard]] std::optional<std::string> promoted(const SimServer& server);
  // Then B7 judges what whoever is elected must have.
  [[nodiscard]] bool is_active() const { return is_on_ && !leader_.empty(); }
  [[nodiscard]] std::optional<std::string> look(const SimServer& open,
                                                const std::vector<const SimServer*>& servers);

  [[nodiscard]] std::uint64_t synchronous_writes() const { return synchronous_writes_; }
  [[nodiscard]] std::uint64_t judged_promotions() const { return judged_promotions_; }

 private:
  [[nodiscard]] std::optional<std::string> judge_counts(const SimServer& open,
                                                        const StandbyList& list) const;
  [[nodiscard]] std::optional<std::string> judge_voters(
      const SimServer& open, const std::vector<const SimServer*>& servers) const;
  [[nodiscard]] bool is_excused(const NodeName& promoted) const;

  SimContext& sim_;
  NodeName leader_;
  std::set<NodeName> voters_;
  int quorum_ = 0;
  std::uint64_t version_ = 1;
  bool is_on_ = false;
  bool is_strict_ = false;
  Instant config_at_;
  Instant off_until_;                   // the mode was last seen off
  std::map<NodeName, Instant> forced_;  // named by an operator who may lose something; until when

  std::set<std::uint64_t> acknowledged_;
  std::set<std::uint64_t> kept_;  // acknowledged synchronously, and nobody decided to lose them
  std::uint64_t synchronous_writes_ = 0;
  std::uint64_t judged_promotions_ = 0;
  std::int64_t strict_pid_ = 0;  // the postmaster whose commits have begun to wait in strict mode
  std::pair<std::uint64_t, std::uint64_t> judged_;  // versions of key and names
  std::int64_t judged_pid_ = 0;
};

}  // namespace pgherd::sim
