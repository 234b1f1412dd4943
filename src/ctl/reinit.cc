#include <fmt/format.h>

#include <map>
#include <nlohmann/json.hpp>

#include "ctl/commands.h"
#include "ctl/errors.h"

namespace pgherd::ctl {
namespace {

constexpr std::string_view kBusy = " already in progress";
constexpr std::string_view kCreating = "creating replica";
constexpr Duration kPollEvery = 2s;
// So long may a member need to begin; one that shows nothing by then was faster than the poll.
constexpr Duration kStartWithin = 20s;

std::string body_of(const ReinitOptions& options, bool force) {
  nlohmann::ordered_json body;
  body["force"] = force;
  body["from_leader"] = options.from_leader;
  return body.dump();
}

std::vector<Member> chosen_members(CtlContext& context, const Named& named, bool is_forced) {
  auto members = select_members(context, named.cluster, RoleFilter::Replica, named.members);
  if (!named.members.empty()) return members;
  // Without a name nobody is wiped by accident: not even a forced command takes all.
  if (is_forced) return {};
  const std::string name = context.console.ask(
      fmt::format("Which member do you want to reinitialize [{}]?", joined_names(members)), "");
  std::erase_if(members, [&](const Member& member) { return member.name != name; });
  if (members.empty()) throw CtlError(fmt::format("{} is not a member of cluster", name));
  return members;
}

bool reinit_one(CtlContext& context, const Member& member, const ReinitOptions& options) {
  auto reply = call_member(context.api, member.api_url, "POST", "reinitialize",
                           body_of(options, options.force));
  if (reply && reply->status != 200 && reply->body.ends_with(kBusy) && !options.force) {
    context.console.say(fmt::format("Failed: reinitialize for member {}, status code={}, ({})",
                                    member.name, reply->status, reply->body));
    if (!context.console.confirm("Do you want to cancel it and reinitialize anyway?")) return false;
    reply =
        call_member(context.api, member.api_url, "POST", "reinitialize", body_of(options, true));
  }
  if (reply && reply->status == 200) {
    context.console.say(fmt::format("Success: reinitialize for member {}", member.name));
    return true;
  }
  context.console.say(
      reply
          ? fmt::format("Failed: reinitialize for member {}, status code={}, ({})", member.name,
                        reply->status, reply->body)
          : fmt::format("Failed: reinitialize for member {}: {}", member.name, reply.error().text));
  return false;
}

// "" when the member does not answer; that passes.
std::string state_of(CtlContext& context, const Member& member) {
  const auto reply = context.api.call(
      ApiRequest{.method = "GET", .url = member.api_url, .body = {}, .timeout = 5s});
  if (!reply) return {};
  const auto status = nlohmann::json::parse(reply->body, nullptr, false);
  if (!status.is_object()) return {};
  const auto state = status.find("state");
  return state != status.end() && state->is_string() ? state->get<std::string>() : std::string();
}

void wait_for(CtlContext& context, const std::vector<Member>& members) {
  struct Waiting {
    Member member;
    bool has_begun = false;
  };
  std::map<NodeName, Waiting> waiting;
  for (const Member& member : members)
    waiting[member.name] = {member};
  const Instant latest_start = context.store.now() + kStartWithin;
  bool is_news = true;
  while (!waiting.empty()) {
    if (is_news) {
      std::vector<Member> left;
      for (const auto& [name, one] : waiting)
        left.push_back(one.member);
      context.console.say(
          fmt::format("Waiting for reinitialize to complete on: {}", joined_names(left)));
      is_news = false;
    }
    context.store.sleep_until(context.store.now() + kPollEvery);
    for (auto at = waiting.begin(); at != waiting.end();) {
      Waiting& one = at->second;
      const std::string state = state_of(context, one.member);
      one.has_begun = one.has_begun || state == kCreating;
      const bool is_over = !state.empty() && state != kCreating &&
                           (one.has_begun || context.store.now() >= latest_start);
      if (is_over) {
        context.console.say(fmt::format("Reinitialize is completed on: {}", at->first));
        at = waiting.erase(at);
        is_news = true;
      } else {
        ++at;
      }
    }
  }
}

}  // namespace

int reinit(CtlContext& context, const ReinitOptions& options) {
  const Named named = read_named(context, options.cluster, options.members);
  const auto members = chosen_members(context, named, options.force);
  if (members.empty()) {
    context.console.say("No member was named, so nothing is reinitialized");
    return 0;
  }
  confirm_action(context, "reinitialize", members, options.force);
  std::vector<Member> begun;
  for (const Member& member : members) {
    if (reinit_one(context, member, options)) begun.push_back(member);
  }
  if (options.wait && !begun.empty()) wait_for(context, begun);
  return begun.size() == members.size() ? 0 : 1;
}

}  // namespace pgherd::ctl
