#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/dice.h"
#include "ctl/commands.h"
#include "ctl/errors.h"
#include "ctl/time_text.h"

namespace pgherd::ctl {
namespace {

using Body = nlohmann::ordered_json;

std::optional<ZonedTime> chosen_schedule(CtlContext& context, const RestartOptions& options) {
  std::string text = options.scheduled.value_or("");
  if (!options.scheduled && !options.force) {
    WallTime example = context.store.wall_now();
    example.microseconds += std::chrono::microseconds(1h).count();
    text = context.console.ask(
        fmt::format("When should the restart take place (e.g. {}) ", iso_minutes(example)), "now");
  }
  return read_schedule(text, context.store.wall_now());
}

// As patronictl shows it in the question: "2026-08-02 03:00:00+02:00".
std::string with_blank(const ZonedTime& time) {
  std::string text = format_time(time);
  text[text.find('T')] = ' ';
  return text;
}

void confirm(CtlContext& context, const RestartOptions& options, const std::vector<Member>& members,
             const std::optional<ZonedTime>& schedule) {
  if (options.force) return;
  if (!schedule) return confirm_action(context, "restart", members, false);
  const std::string question =
      options.only_pending
          ? std::string(
                "The nodes needing a restart will be identified at the scheduled time, and "
                "might be different from the ones showing pending restart right now. Is "
                "this fine?")
          : fmt::format("Are you sure you want to schedule restart of members {} at {}?",
                        joined_names(members), with_blank(*schedule));
  if (!context.console.confirm(question)) throw CtlError("Aborted scheduled restart");
}

bool is_version_number(const std::string& part) {
  return !part.empty() && part.size() <= 4 &&
         std::all_of(part.begin(), part.end(), [](char c) { return c >= '0' && c <= '9'; });
}

// X.Y since PostgreSQL 10, X.Y.Z before.
void check_pg_version(const std::string& text) {
  std::vector<std::string> parts(1);
  for (const char c : text) {
    if (c == '.') {
      parts.emplace_back();
    } else {
      parts.back().push_back(c);
    }
  }
  if (!std::all_of(parts.begin(), parts.end(), is_version_number))
    throw CtlError(fmt::format("Invalid PostgreSQL version: {}", text));
  constexpr int kFirstWithTwoParts = 10;
  const bool has_two = parts.size() == 2 && std::stoi(parts[0]) >= kFirstWithTwoParts;
  if (!has_two && parts.size() != 3) {
    throw CtlError(
        fmt::format("Invalid PostgreSQL version format: X.Y or X.Y.Z is accepted: {}", text));
  }
}

std::optional<std::string> chosen_pg_version(CtlContext& context, const RestartOptions& options) {
  std::string text = options.pg_version.value_or("");
  if (!options.pg_version && !options.force) {
    text = context.console.ask(
        "Restart if the PostgreSQL version is less than provided (e.g. 9.5.2) ", "");
  }
  if (text.empty()) return std::nullopt;
  check_pg_version(text);
  return text;
}

// The role as the REST filter knows it: the member judges it again when it restarts.
std::optional<std::string> rest_role(const std::optional<RoleFilter>& role) {
  if (!role) return std::nullopt;
  switch (*role) {
    case RoleFilter::Primary:
      return "primary";
    case RoleFilter::StandbyLeader:
      return "standby_leader";
    case RoleFilter::Replica:
    case RoleFilter::Standby:
      return "replica";
    case RoleFilter::Leader:
    case RoleFilter::Any:
      break;
  }
  return std::nullopt;
}

std::string outcome(const Member& member, const Result<ApiReply, ApiFailure>& reply) {
  if (!reply)
    return fmt::format("Failed: restart for member {}: {}", member.name, reply.error().text);
  switch (reply->status) {
    case 200:
      return fmt::format("Success: restart on member {}", member.name);
    case 202:
      return fmt::format("Success: restart scheduled on member {}", member.name);
    case 409:
      return fmt::format("Failed: another restart is already scheduled on member {}", member.name);
    default:
      return fmt::format("Failed: restart for member {}, status code={}, ({})", member.name,
                         reply->status, reply->body);
  }
}

// One that was there already makes room for the new one.
void drop_scheduled(CtlContext& context, const Member& member) {
  const auto reply = call_member(context.api, member.api_url, "DELETE", "restart", "");
  if (reply && (reply->status == 200 || reply->status == 404)) return;
  context.console.say(reply ? fmt::format("Failed: flush scheduled restart for member {}, status "
                                          "code={}, ({})",
                                          member.name, reply->status, reply->body)
                            : fmt::format("Failed: flush scheduled restart for member {}: {}",
                                          member.name, reply.error().text));
}

std::vector<Member> narrowed(CtlContext& context, const RestartOptions& options,
                             std::vector<Member> members, bool is_immediate) {
  if (options.only_pending && is_immediate) {
    std::erase_if(members, [](const Member& member) { return !member.pending_restart; });
  }
  if (options.any_one && members.size() > 1) {
    Dice dice(static_cast<std::uint64_t>(context.store.wall_now().microseconds));
    const auto chosen = dice.between(0, static_cast<std::int64_t>(members.size()) - 1);
    members = {members[static_cast<std::size_t>(chosen)]};
  }
  return members;
}

}  // namespace

int restart(CtlContext& context, const RestartOptions& options) {
  const auto [cluster, names] = read_named(context, options.cluster, options.members);
  const RoleFilter role = options.role.value_or(RoleFilter::Any);
  std::vector<Member> members = select_members(context, cluster, role, names);
  const auto schedule = chosen_schedule(context, options);
  members = narrowed(context, options, std::move(members), !schedule);
  if (members.empty()) {
    context.console.say("No member needs a restart");
    return 0;
  }
  confirm(context, options, members, schedule);

  Body body = Body::object();
  if (options.only_pending) body["restart_pending"] = true;
  if (const auto version = chosen_pg_version(context, options)) body["postgres_version"] = *version;
  if (const auto filter = rest_role(options.role)) body["role"] = *filter;
  if (options.timeout) body["timeout"] = *options.timeout;
  if (schedule) {
    if (is_paused(cluster.view)) throw CtlError("Can't schedule restart in the paused state");
    body["schedule"] = format_time(*schedule);
  }
  const std::string text = body.dump(-1, ' ', false, Body::error_handler_t::replace);

  int exit_code = 0;
  for (const Member& member : members) {
    if (options.force && schedule) drop_scheduled(context, member);
    const auto reply = call_member(context.api, member.api_url, "POST", "restart", text);
    context.console.say(outcome(member, reply));
    if (!reply || (reply->status != 200 && reply->status != 202)) exit_code = 1;
  }
  return exit_code;
}

}  // namespace pgherd::ctl
