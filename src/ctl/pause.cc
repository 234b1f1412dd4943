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

ApiReply patch_config(CtlContext& context, const ClusterView& view, bool wanted) {
  nlohmann::json body;
  body["pause"] = nullptr;
  if (wanted) body["pause"] = true;
  std::string problems;
  // The patch may be sent twice without harm, so a member that took it and fell silent is no end.
  for (const Member& member : leader_first(view)) {
    const auto reply = call_member(context.api, member.api_url, "PATCH", "config", body.dump());
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

bool wait_for_all(CtlContext& context, const Cluster& before, bool wanted) {
  context.console.say(fmt::format("'{}' request sent, waiting until it is recognized by all nodes",
                                  wanted ? "pause" : "resume"));
  const Milliseconds loop_wait = settings_of(before.view).loop_wait;
  const Instant end = context.store.now() + loop_wait + 1s;
  for (;;) {
    const Cluster cluster = read_cluster(context, before.name);
    std::vector<Member> waiting = not_yet(cluster.view, wanted);
    if (waiting.empty()) return true;
    if (context.store.now() >= end) {
      context.console.say(fmt::format("{} members didn't recognized pause state after {} seconds",
                                      joined_names(waiting),
                                      std::chrono::duration_cast<Seconds>(loop_wait).count()));
      return false;
    }
    context.store.sleep_until(context.store.now() + 1s);
  }
}

int set_pause(CtlContext& context, const PauseOptions& options, bool wanted) {
  const Cluster cluster = read_cluster(context, cluster_name(context, options.cluster));
  if (is_paused(cluster.view) == wanted) {
    throw CtlError(wanted ? "Cluster is already paused" : "Cluster is not paused");
  }
  const ApiReply reply = patch_config(context, cluster.view, wanted);
  if (reply.status != 200) {
    context.console.say(fmt::format("Failed: {} cluster management status code={}, ({})",
                                    wanted ? "pause" : "resume", reply.status, reply.body));
    return 1;
  }
  if (options.wait && !wait_for_all(context, cluster, wanted)) return 1;
  context.console.say(
      fmt::format("Success: cluster management is {}", wanted ? "paused" : "resumed"));
  return 0;
}

}  // namespace

int pause(CtlContext& context, const PauseOptions& options) {
  return set_pause(context, options, true);
}

int resume(CtlContext& context, const PauseOptions& options) {
  return set_pause(context, options, false);
}

}  // namespace pgherd::ctl
