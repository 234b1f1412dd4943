#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "ctl/commands.h"
#include "ctl/errors.h"

namespace pgherd::ctl {
namespace {

// The leader first: it acts on the change at once.
std::vector<Member> leader_first(const ClusterView& view) {
  std::vector<Member> members;
  if (const Member* leader = view.leader_member()) members.push_back(*leader);
  for (const auto& [name, member] : view.members) {
    if (!view.is_led_by(name)) members.push_back(member);
  }
  return members;
}

ApiReply patch_config(Desk& desk, const ClusterView& view, bool wanted) {
  nlohmann::json body;
  body["pause"] = nullptr;
  if (wanted) body["pause"] = true;
  std::string problems;
  // The patch may be sent twice without harm, so a member that took it and fell silent is no end.
  for (const Member& member : leader_first(view)) {
    const auto reply = call_member(desk.api, member.api_url, "PATCH", "config", body.dump());
    if (reply) return *reply;
    problems.append(fmt::format("\n  {}: {}", member.name, reply.error().text));
  }
  throw CtlError("Can not find accessible cluster member" + problems);
}

std::vector<Member> not_yet(const ClusterView& view, bool wanted) {
  std::vector<Member> members;
  for (const auto& [name, member] : view.members) {
    if (!member.api_url.empty() && member.pause != wanted) members.push_back(member);
  }
  return members;
}

bool wait_for_all(Desk& desk, const Cluster& before, bool wanted) {
  desk.console.say(fmt::format("'{}' request sent, waiting until it is recognized by all nodes",
                               wanted ? "pause" : "resume"));
  const Milliseconds loop_wait = settings_of(before.view).loop_wait;
  const Instant end = desk.store.now() + loop_wait + 1s;
  for (;;) {
    const Cluster cluster = read_cluster(desk, before.name);
    std::vector<Member> waiting = not_yet(cluster.view, wanted);
    if (waiting.empty()) return true;
    if (desk.store.now() >= end) {
      desk.console.say(fmt::format("{} members didn't recognized pause state after {} seconds",
                                   joined_names(waiting),
                                   std::chrono::duration_cast<Seconds>(loop_wait).count()));
      return false;
    }
    desk.store.sleep_until(desk.store.now() + 1s);
  }
}

int set_pause(Desk& desk, const PauseOptions& options, bool wanted) {
  const Cluster cluster = read_cluster(desk, cluster_name(desk, options.cluster));
  if (is_paused(cluster.view) == wanted) {
    throw CtlError(wanted ? "Cluster is already paused" : "Cluster is not paused");
  }
  const ApiReply reply = patch_config(desk, cluster.view, wanted);
  if (reply.status != 200) {
    desk.console.say(fmt::format("Failed: {} cluster management status code={}, ({})",
                                 wanted ? "pause" : "resume", reply.status, reply.body));
    return 1;
  }
  if (options.wait && !wait_for_all(desk, cluster, wanted)) return 1;
  desk.console.say(fmt::format("Success: cluster management is {}", wanted ? "paused" : "resumed"));
  return 0;
}

}  // namespace

int pause(Desk& desk, const PauseOptions& options) {
  return set_pause(desk, options, true);
}

int resume(Desk& desk, const PauseOptions& options) {
  return set_pause(desk, options, false);
}

}  // namespace pgherd::ctl
