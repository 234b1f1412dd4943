#include "drill/course.h"

#include <algorithm>

#include "base/check.h"

namespace pgherd::drill {
namespace {

void note(std::optional<Instant>& first, bool is_so, Instant at) {
  if (is_so && !first) first = at;
}

bool is_primary_on(const Member* member, Timeline before) {
  return member != nullptr && member->role == MemberRole::Primary &&
         member->state == MemberState::Running && member->timeline && *member->timeline > before;
}

// A member that takes no stream of its own (`nostream`) is whole when it runs.
bool follows_on(const Member* member, Timeline timeline) {
  if (member == nullptr || member->state != MemberState::Running) return false;
  return (member->replication_state == "streaming" || member->tags.nostream) &&
         member->timeline == timeline;
}

}  // namespace

Course::Course(const ClusterView& before) {
  PGHERD_CHECK(before.has_leader(), "a course begins with a leader");
  old_leader_ = before.leader->name;
  old_reign_ = before.leader->create_revision;
  const Member* leader = before.leader_member();
  if (leader != nullptr && leader->timeline) old_timeline_ = *leader->timeline;
  for (const auto& [name, member] : before.members)
    members_.insert(name);
}

void Course::see(const ClusterView& view, Instant at) {
  const bool is_old_reign =
      view.is_led_by(old_leader_) && view.leader->create_revision == old_reign_;
  note(left_, !is_old_reign, at);
  if (!view.has_leader() || (is_old_reign && !left_)) return;
  note(taken_, true, at);
  new_leader_ = view.leader->name;
  const Member* leader = view.leader_member();
  if (!is_primary_on(leader, old_timeline_)) return;
  note(promoted_, true, at);
  new_timeline_ = *leader->timeline;
  if (is_led_by_old_leader()) return;
  note(rejoined_, follows_on(view.member(old_leader_), new_timeline_), at);
  note(whole_,
       std::all_of(members_.begin(), members_.end(),
                   [&](const NodeName& name) {
                     return name == new_leader_ || follows_on(view.member(name), new_timeline_);
                   }),
       at);
}

}  // namespace pgherd::drill
