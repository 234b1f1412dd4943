#include "dcs/etcd/seen.h"

#include <algorithm>

namespace pgherd::etcd {

bool Seen::note(const Header& header) {
  if (header.cluster_id != cluster_id_) {
    cluster_id_ = header.cluster_id;
    raft_term_ = header.raft_term;
    revision_ = header.revision;
    return true;
  }
  if (header.raft_term < raft_term_) return false;
  raft_term_ = header.raft_term;
  revision_ = std::max(revision_, header.revision);
  return true;
}

}  // namespace pgherd::etcd
