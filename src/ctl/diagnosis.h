// What is wrong with a cluster, or stands in the way of the next failover, from what the store and
// the members say at one moment; each finding with what to do next. Values only.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "model/cluster_view.h"

namespace pgherd::ctl {

// A file of certificates that a member goes by.
struct CertificateEnd {
  std::string use;  // "restapi", "postgresql", ...
  std::string file;
  WallTime ends_at{};  // zero: it cannot be read
};

// What a member's agent says of itself at this moment.
struct MemberAnswer {
  bool is_reached = false;
  std::string problem;  // why not
  std::string scope;
  NodeName name;             // "" where it does not say, as a Patroni before 4.0
  int server_version = 0;    // 170004 is 17.4; 0: its PostgreSQL does not answer
  std::string system_id;     // of its data, "" where unknown
  WallTime store_seen_at{};  // when it last heard from the store; zero: it does not say
  // How far its write-ahead log goes by now, on which timeline, and whether it streams; what it has
  // published is as old as its last round.
  std::optional<Lsn> position;
  std::optional<Timeline> timeline;
  bool is_streaming = false;
  bool is_replay_paused = false;
  bool watchdog_failed = false;
  bool lacks_guardian = false;  // of pgherd only
  // How long the write-ahead log of a primary waits to be archived, and how much; pgherd only.
  std::int64_t archive_wait_seconds = 0;
  std::int64_t archive_waiting_files = 0;
  // What is there and not in the cluster, "617 commits on timeline 8 from 0/A000348 on"; "":
  // nothing. pgherd only.
  std::string diverged_wal;
  std::string diverged_wal_kept_in;          // a directory there; "": it was not kept (yet)
  std::vector<CertificateEnd> certificates;  // pgherd only
  // What its host gives it; pgherd only. `kernel` by sysctl's name.
  std::int64_t open_files_limit = 0;  // 0: it does not say
  std::map<std::string, std::int64_t> kernel;
};
// From the bodies of GET /patroni and of GET /metrics, which may be "".
[[nodiscard]] MemberAnswer member_answer(std::string_view document, std::string_view metrics);

struct Finding {
  enum class Weight {
    Problem,  // the cluster is not what it was set up to be
    Remark,   // worth knowing
  };
  Weight weight = Weight::Problem;
  std::string what;
  std::string remedy;
};

enum class Extent {
  Cluster,
  WithHosts,  // also what the members' hosts could give better: remarks
};

// Problems first. `answers` has every member that was asked.
[[nodiscard]] std::vector<Finding> diagnose(const std::string& cluster, const ClusterView& view,
                                            const std::map<NodeName, MemberAnswer>& answers,
                                            WallTime now, Extent extent = Extent::Cluster);

}  // namespace pgherd::ctl
