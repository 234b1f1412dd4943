#include "model/cluster_view.h"

#include <algorithm>

namespace pgherd {

bool InitializeKey::is_valid() const {
  return value.size() >= 10 &&
         std::all_of(value.begin(), value.end(), [](char c) { return c >= '0' && c <= '9'; });
}

const Member* ClusterView::member(const NodeName& name) const {
  const auto found = members.find(name);
  return found == members.end() ? nullptr : &found->second;
}

const Member* ClusterView::leader_member() const {
  return has_leader() ? member(leader->name) : nullptr;
}

Timeline ClusterView::newest_timeline() const {
  if (!history) return Timeline{};
  if (history->empty()) return Timeline{1};
  return Timeline{history->back().parent.value + 1};
}

}  // namespace pgherd
