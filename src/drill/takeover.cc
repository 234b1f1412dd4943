#include "drill/takeover.h"

#include <fmt/format.h>

#include <algorithm>

namespace pgherd::drill {
namespace {

// Long after the fault clients write, and the reign has not ended.
bool has_gone_on(const Client& client, const Takeover& takeover) {
  return !takeover.course.left() && client.last_write() > takeover.fault + takeover.to_be_sure;
}

void judge(const Course& course, Report& report) {
  if (course.is_led_by_old_leader() || !course.left()) {
    report.failures.push_back(
        fmt::format("'{}' still leads, or again: nobody took over", course.old_leader()));
  } else if (!course.promoted()) {
    report.failures.emplace_back("nobody took over");
  } else if (!course.whole()) {
    report.failures.emplace_back("not all members follow the new leader (--patience)");
  }
}

}  // namespace

void follow(const Drilled& drilled, const Client& client, Takeover& takeover) {
  Course& course = takeover.course;
  while (!course.whole() || client.last_write() < *course.promoted()) {
    if (drilled.context.store.now() > takeover.fault + drilled.options.patience) return;
    course.see(ctl::read_cluster(drilled.context, drilled.options.cluster).view,
               drilled.context.store.now());
    if (course.promoted() && course.is_led_by_old_leader()) return;
    if (has_gone_on(client, takeover)) return;
    pause_for(drilled, 20ms);
  }
}

void conclude(Client& client, const Takeover& takeover, Report& report) {
  const Course& course = takeover.course;
  const auto add = [&](std::optional<Instant> at, std::string what) {
    if (at) report.phases.push_back({.after = *at - takeover.fault, .what = std::move(what)});
  };
  add(takeover.fault, takeover.what);
  add(course.left(), fmt::format("'{}' leads no more", course.old_leader()));
  add(course.taken(), fmt::format("'{}' leads", course.new_leader()));
  add(course.promoted(), fmt::format("'{}' is a primary, on timeline {}", course.new_leader(),
                                     course.new_timeline().value));
  if (const auto silence = client.conclude(report, takeover.fault))
    add(silence->ended, "a write is acknowledged again");
  add(course.rejoined(), fmt::format("'{}' streams from it", course.old_leader()));
  add(course.whole(), "so do all the others");
  std::stable_sort(report.phases.begin(), report.phases.end(),
                   [](const Phase& one, const Phase& other) { return one.after < other.after; });
  judge(course, report);
}

}  // namespace pgherd::drill
