// What a restore test has proven, and how that is told: a report for people, and a file for
// node_exporter's textfile collector. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/instant.h"

namespace pgherd::backup {

struct NewestCommit {
  WallTime at;
  std::string source;  // where it is known from: "pg_last_committed_xact", ...
};

struct RestoreProof {
  std::string stanza;
  std::string backup;  // its label; "" when it did not come so far
  WallTime began;
  WallTime ended;
  std::optional<WallTime> target;  // the moment as of which was restored; absent: the newest
  std::optional<Duration> rto;     // from `began` until it accepted connections
  std::optional<NewestCommit> newest_commit;
  bool relations_are_checked = false;  // by pg_amcheck
  std::string failure;                 // why nothing is proven

  [[nodiscard]] bool is_proven() const { return failure.empty(); }
  // What would have been lost: the time from the newest commit to the moment that was asked for,
  // else to the begin. It grows where nobody writes.
  [[nodiscard]] std::optional<Duration> rpo() const;
};

// The last test that proved something, as metrics keep it. Values as they stand there.
struct LastProven {
  std::string timestamp;
  std::string rto;
  std::string rpo;
  friend bool operator==(const LastProven&, const LastProven&) = default;
};
// From what metrics_text made for that stanza; nullopt: it had none, or the text is another.
[[nodiscard]] std::optional<LastProven> last_proven_in(std::string_view metrics,
                                                       std::string_view stanza);

// Prometheus's text format. `before`: the last proven one, which a failure leaves standing.
[[nodiscard]] std::string metrics_text(const RestoreProof& proof,
                                       const std::optional<LastProven>& before);

// The last lines of the report: RTO, RPO, verdict.
[[nodiscard]] std::vector<std::string> verdict_lines(const RestoreProof& proof);

}  // namespace pgherd::backup
