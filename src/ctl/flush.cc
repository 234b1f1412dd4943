#include <fmt/format.h>

#include "ctl/commands.h"
#include "ctl/errors.h"
#include "ctl/time_text.h"

namespace pgherd::ctl {
namespace {

int flush_restarts(CtlContext& context, const MembersOptions& options) {
  const auto [cluster, names] = read_named(context, options.cluster, options.members);
  const auto members =
      select_members(context, cluster, options.role.value_or(RoleFilter::Any), names);
  confirm_action(context, "flush", members, options.force);
  int exit_code = 0;
  for (const Member& member : members) {
    if (member.scheduled_restart.empty()) {
      context.console.say(fmt::format("No scheduled restart for member {}", member.name));
      continue;
    }
    const auto reply = call_member(context.api, member.api_url, "DELETE", "restart", "");
    if (reply && (reply->status == 200 || reply->status == 404)) {
      context.console.say(
          fmt::format("Success: flush scheduled restart for member {}", member.name));
      continue;
    }
    context.console.say(
        reply ? fmt::format("Failed: flush scheduled restart for member {}, status code={}, ({})",
                            member.name, reply->status, reply->body)
              : fmt::format("Failed: flush scheduled restart for member {}: {}", member.name,
                            reply.error().text));
    exit_code = 1;
  }
  return exit_code;
}

int clear_in_store(CtlContext& context, const Cluster& cluster) {
  context.console.say(fmt::format("{} Could not find any accessible member of cluster {}",
                                  stamp(context.store.wall_now()), cluster.name));
  const std::string key = cluster.layout.key("failover");
  Transaction transaction;
  transaction.compares.push_back(Compare{.what = Compare::What::ModRevision,
                                         .key = key,
                                         .number = cluster.view.failover->mod_revision.value});
  transaction.writes.push_back(Put{.key = key, .value = "{}"});
  if (context.store.commit(std::move(transaction)).succeeded) return 0;
  throw CtlError(
      "the scheduled switchover was changed by somebody else meanwhile; look, then try "
      "again");
}

int flush_switchover(CtlContext& context, const MembersOptions& options) {
  const Cluster cluster = read_named(context, options.cluster, options.members).cluster;
  if (!cluster.view.failover || !cluster.view.failover->scheduled_at) {
    context.console.say("No pending scheduled switchover");
    return 0;
  }
  std::vector<Member> members;
  if (const Member* leader = cluster.view.leader_member()) members.push_back(*leader);
  for (const auto& [name, member] : cluster.view.members) {
    if (!cluster.view.is_led_by(name)) members.push_back(member);
  }
  bool has_answer = false;
  for (const Member& member : members) {
    const auto reply = call_member(context.api, member.api_url, "DELETE", "switchover", "");
    if (!reply) continue;
    has_answer = true;
    if (reply->status == 200 || reply->status == 404) {
      context.console.say(
          fmt::format("{}: {}", reply->status == 200 ? "Success" : "Failed", reply->body));
      return reply->status == 200 ? 0 : 1;
    }
    context.console.say(fmt::format("Failed: member={}, status_code={}, ({})", member.name,
                                    reply->status, reply->body));
  }
  return has_answer ? 1 : clear_in_store(context, cluster);
}

}  // namespace

int flush(CtlContext& context, const FlushOptions& options) {
  return options.target == FlushTarget::Restart ? flush_restarts(context, options.members)
                                                : flush_switchover(context, options.members);
}

}  // namespace pgherd::ctl
