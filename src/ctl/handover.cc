// switchover and failover: the same road with different tolls (Patroni ctl.py
// _do_failover_or_switchover).
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "codec/dcs_values.h"
#include "ctl/commands.h"
#include "ctl/errors.h"
#include "ctl/time_text.h"

namespace pgherd::ctl {
namespace {

enum class Action { Switchover, Failover };

std::string_view word(Action action) {
  return action == Action::Switchover ? "switchover" : "failover";
}
std::string_view title(Action action) {
  return action == Action::Switchover ? "Switchover" : "Failover";
}

struct ChosenHandover {
  Action action{};
  std::optional<NodeName> leader;  // of a switchover
  std::optional<NodeName> candidate;
  std::optional<ZonedTime> scheduled_at;
};

bool may_be_promoted(const Member& member) {
  return !member.tags.nofailover && member.tags.failover_priority > 0;
}

std::vector<NodeName> candidates_of(const ClusterView& view) {
  std::vector<NodeName> names;
  for (const auto& [name, member] : view.members) {
    if (!view.is_led_by(name) && may_be_promoted(member)) names.push_back(name);
  }
  return names;
}

NodeName chosen_leader(CtlContext& context, const Cluster& cluster,
                       const HandoverOptions& options) {
  if (!cluster.view.has_leader()) throw CtlError("This cluster has no leader");
  const NodeName& present = cluster.view.leader->name;
  NodeName leader = options.leader.value_or("");
  if (leader.empty()) {
    const char* question = is_standby_cluster(cluster.view) ? "Standby Leader" : "Primary";
    leader = options.force ? present : context.console.ask(question, present);
  }
  if (leader != present) {
    throw CtlError(fmt::format("Member {} is not the leader of cluster {}", leader, cluster.name));
  }
  return leader;
}

// What scripts that answer prompts wait for: the names as patronictl writes them.
std::string quoted(const std::vector<NodeName>& names) {
  std::vector<std::string> shown;
  for (const NodeName& name : names)
    shown.push_back("'" + name + "'");
  return fmt::format("[{}]", fmt::join(shown, ", "));
}

std::optional<NodeName> chosen_candidate(CtlContext& context, const Cluster& cluster,
                                         const HandoverOptions& options, Action action) {
  const std::vector<NodeName> candidates = candidates_of(cluster.view);
  if (candidates.empty()) {
    throw CtlError(fmt::format("No candidates found to {} to", word(action)));
  }
  NodeName candidate = options.candidate.value_or("");
  if (candidate.empty() && !options.force) {
    candidate = context.console.ask("Candidate " + quoted(candidates), "");
  }
  if (candidate.empty()) {
    if (action == Action::Failover) {
      throw CtlError("Failover could be performed only to a specific candidate");
    }
    return std::nullopt;
  }
  if (cluster.view.is_led_by(candidate)) {
    throw CtlError(
        fmt::format("Member {} is already the leader of cluster {}", candidate, cluster.name));
  }
  if (std::find(candidates.begin(), candidates.end(), candidate) == candidates.end()) {
    throw CtlError(fmt::format("Member {} does not exist in cluster {} or is tagged as nofailover",
                               candidate, cluster.name));
  }
  return candidate;
}

bool is_synchronous(const ClusterView& view, const NodeName& name) {
  const auto& standbys = view.sync->standbys;
  return view.sync->leader == name ||
         std::find(standbys.begin(), standbys.end(), name) != standbys.end();
}

void accept_asynchronous_loss(CtlContext& context, const ClusterView& view,
                              const NodeName& candidate) {
  const bool is_mode_on = settings_of(view).synchronous_mode != SynchronousMode::Off && view.sync &&
                          !view.sync->leader.empty();
  if (!is_mode_on || is_synchronous(view, candidate)) return;
  if (!context.console.confirm(fmt::format(
          "Are you sure you want to failover to the asynchronous node {}?", candidate))) {
    throw CtlError("Aborting failover");
  }
}

std::optional<ZonedTime> chosen_schedule(CtlContext& context, const Cluster& cluster,
                                         const HandoverOptions& options) {
  std::string text = options.scheduled.value_or("");
  if (!options.scheduled && !options.force) {
    WallTime example = context.store.wall_now();
    example.microseconds += std::chrono::microseconds(1h).count();
    text = context.console.ask(
        fmt::format("When should the switchover take place (e.g. {} ) ", iso_minutes(example)),
        "now");
  }
  const auto schedule = read_schedule(text, context.store.wall_now());
  if (schedule && is_paused(cluster.view)) {
    throw CtlError("Can't schedule switchover in the paused state");
  }
  return schedule;
}

void confirm(CtlContext& context, const Cluster& cluster, const ChosenHandover& chosen) {
  const std::string demoting =
      cluster.view.has_leader()
          ? fmt::format(", demoting current leader {}", cluster.view.leader->name)
          : std::string();
  const std::string question =
      chosen.scheduled_at
          ? fmt::format("Are you sure you want to schedule switchover of cluster {} at {}{}?",
                        cluster.name, format_time(*chosen.scheduled_at), demoting)
          : fmt::format("Are you sure you want to {} cluster {}{}?", word(chosen.action),
                        cluster.name, demoting);
  if (context.console.confirm(question)) return;
  throw CtlError(chosen.scheduled_at ? std::string("Aborting scheduled switchover")
                                     : fmt::format("Aborting {}", word(chosen.action)));
}

std::string body_of(const ChosenHandover& chosen) {
  nlohmann::ordered_json body;
  body["candidate"] = nullptr;
  if (chosen.candidate) body["candidate"] = *chosen.candidate;
  if (chosen.leader) body["leader"] = *chosen.leader;
  if (chosen.scheduled_at) body["scheduled_at"] = format_time(*chosen.scheduled_at);
  return body.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

Result<ApiReply, ApiFailure> request(CtlContext& context, const ClusterView& view,
                                     const ChosenHandover& chosen) {
  const Member* asked = view.leader_member();
  if (asked == nullptr && chosen.candidate) asked = view.member(*chosen.candidate);
  if (asked == nullptr) {
    return fail(ApiFailure{.text = "the leader has no member key, so its address is unknown"});
  }
  const std::string body = body_of(chosen);
  auto reply =
      call_member(context.api, asked->api_url, "POST", std::string(word(chosen.action)), body);
  // Members older than switchover know the same chosen under the other name.
  if (reply && reply->status == 501 && chosen.action == Action::Switchover) {
    reply = call_member(context.api, asked->api_url, "POST", "failover", body);
  }
  return reply;
}

// No member was reached, so nothing is under way: the request goes where a member would have
// written it, provided that the cluster is still the one that was confirmed.
int write_request(CtlContext& context, const Cluster& shown, const ChosenHandover& chosen) {
  context.console.say(fmt::format("{} Could not {} using Patroni api, falling back to DCS",
                                  stamp(context.store.wall_now()), word(chosen.action)));
  const Cluster now = read_cluster(context, shown.name);
  const bool is_same_leader = now.view.has_leader() == shown.view.has_leader() &&
                              (!now.view.has_leader() || now.view.leader->create_revision ==
                                                             shown.view.leader->create_revision);
  if (!is_same_leader) {
    print_cluster(context, now);
    throw CtlError(fmt::format("the leader of cluster {} has changed meanwhile; nothing was done",
                               shown.name));
  }
  FailoverRequest request{.leader = chosen.leader, .candidate = chosen.candidate};
  if (chosen.scheduled_at) {
    request.scheduled_at = chosen.scheduled_at->at;
    request.scheduled_east = chosen.scheduled_at->east;
  }
  Transaction transaction;
  transaction.writes.push_back(
      Put{.key = now.layout.key("failover"), .value = encode_failover(request)});
  (void)context.store.commit(std::move(transaction));
  print_cluster(context, read_cluster(context, shown.name));
  return 0;
}

int carry_out(CtlContext& context, const Cluster& cluster, const ChosenHandover& chosen) {
  const auto reply = request(context, cluster.view, chosen);
  if (!reply && !reply.error().may_have_arrived) {
    context.console.log(LogLevel::Warning, context.store.wall_now(), reply.error().text);
    return write_request(context, cluster, chosen);
  }
  if (!reply) {
    throw CtlError(
        fmt::format("{} result unknown, details: {}; it may be under way, look with `list`",
                    title(chosen.action), reply.error().text));
  }
  if (reply->status == 200 || reply->status == 202) {
    context.console.say(fmt::format("{} {}", stamp(context.store.wall_now()), reply->body));
    print_cluster(context, read_cluster(context, cluster.name));
    return 0;
  }
  const bool is_unknown = reply->body.find("status unknown") != std::string::npos;
  context.console.say(fmt::format("{} {}, details: {}, {}", title(chosen.action),
                                  is_unknown ? "result unknown" : "failed", reply->status,
                                  reply->body));
  return 1;
}

int hand_over(CtlContext& context, const HandoverOptions& options, Action action) {
  const Cluster cluster = read_cluster(context, cluster_name(context, options.cluster));
  print_topology(context, cluster);
  ChosenHandover chosen{.action = action};
  if (action == Action::Switchover) chosen.leader = chosen_leader(context, cluster, options);
  chosen.candidate = chosen_candidate(context, cluster, options, action);
  if (action == Action::Failover && !options.force) {
    accept_asynchronous_loss(context, cluster.view, *chosen.candidate);
  }
  if (action == Action::Switchover)
    chosen.scheduled_at = chosen_schedule(context, cluster, options);
  if (!options.force) confirm(context, cluster, chosen);
  return carry_out(context, cluster, chosen);
}

}  // namespace

int switchover(CtlContext& context, const HandoverOptions& options) {
  return hand_over(context, options, Action::Switchover);
}

int failover(CtlContext& context, const HandoverOptions& options) {
  return hand_over(context, options, Action::Failover);
}

}  // namespace pgherd::ctl
