// Seen: how far the store was known to be when it last spoke, so that a member that lags behind is
// not believed. A serializable read from an etcd member that has just come back may be minutes old;
// it once made a healthy primary step down.
#pragma once

#include <cstdint>

#include "model/ids.h"

namespace pgherd::etcd {

// The header that every answer of etcd carries.
struct Header {
  std::uint64_t cluster_id = 0;
  std::uint64_t member_id = 0;
  Revision revision;  // 0 in answers that have to do with no keys
  std::uint64_t raft_term = 0;
};

class Seen {
 public:
  // False: the answer comes from an older term of the same cluster than one that was seen, and
  // nothing is remembered of it. Another cluster's answer begins a new memory.
  [[nodiscard]] bool note(const Header& header);

  [[nodiscard]] bool is_another_cluster(const Header& header) const {
    return cluster_id_ != 0 && header.cluster_id != cluster_id_;
  }
  [[nodiscard]] std::uint64_t raft_term() const { return raft_term_; }
  [[nodiscard]] Revision revision() const { return revision_; }
  // A linearizable answer is the present, whatever was seen before.
  void rewind_to(Revision revision) { revision_ = revision; }

 private:
  std::uint64_t cluster_id_ = 0;
  std::uint64_t raft_term_ = 0;
  Revision revision_;
};

}  // namespace pgherd::etcd
