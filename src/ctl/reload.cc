#include <fmt/format.h>

#include "ctl/commands.h"

namespace pgherd::ctl {

int reload(CtlContext& context, const MembersOptions& options) {
  const auto [cluster, names] = read_named(context, options.cluster, options.members);
  const auto members =
      select_members(context, cluster, options.role.value_or(RoleFilter::Any), names);
  confirm_action(context, "reload", members, options.force);
  const auto loop_wait =
      std::chrono::duration_cast<Seconds>(settings_of(cluster.view).loop_wait).count();
  int exit_code = 0;
  for (const Member& member : members) {
    const auto reply = call_member(context.api, member.api_url, "POST", "reload", "");
    if (reply && reply->status == 202) {
      context.console.say(fmt::format(
          "Reload request received for member {} and will be processed within {} seconds",
          member.name, loop_wait));
    } else if (reply && reply->status == 200) {
      context.console.say(fmt::format("No changes to apply on member {}", member.name));
    } else {
      context.console.say(
          reply ? fmt::format("Failed: reload for member {}, status code={}, ({})", member.name,
                              reply->status, reply->body)
                : fmt::format("Failed: reload for member {}: {}", member.name, reply.error().text));
      exit_code = 1;
    }
  }
  return exit_code;
}

}  // namespace pgherd::ctl
