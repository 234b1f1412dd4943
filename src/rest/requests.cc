#include "rest/requests.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "codec/json_reading.h"
#include "codec/parse_units.h"
#include "codec/time_values.h"
#include "rest/status_document.h"

namespace pgherd {
namespace {

constexpr int kBadRequest = 400;
constexpr int kConflictingState = 412;
constexpr int kUnprocessable = 422;
constexpr int kServerError = 500;
constexpr int kUnavailable = 503;

auto refuse(int code, std::string text) {
  return fail(Refusal{.code = code, .text = std::move(text)});
}

std::string_view name_of(Handover action) {
  return action == Handover::Switchover ? "switchover" : "failover";
}
std::string_view title_of(Handover action) {
  return action == Handover::Switchover ? "Switchover" : "Failover";
}

// A body that may be left out: then it is an empty object.
Result<Json, Refusal> read_optional_object(std::string_view body) {
  if (body.empty()) return Json::object();
  auto object = read_json_object(body);
  if (!object) return refuse(kBadRequest, "the request body is not a JSON object");
  return std::move(*object);
}

Result<Json, Refusal> read_required_object(std::string_view body) {
  auto object = read_optional_object(body);
  if (object && object->empty()) return refuse(kBadRequest, "the request body is empty");
  return object;
}

// A time of the day alone means today as UTC has it.
Result<ZonedTime, Refusal> read_schedule(std::string_view text, std::string_view action,
                                         WallTime wall_now) {
  const auto time = read_time(text, {.today = utc_day(wall_now)});
  if (time && time->at < wall_now) {
    return refuse(kUnprocessable, fmt::format("Cannot schedule {} in the past", action));
  }
  if (time) return *time;
  if (time.error() == TimeFault::NoZone) {
    return refuse(kBadRequest,
                  fmt::format("Timezone information is mandatory for the scheduled {}", action));
  }
  return refuse(kUnprocessable,
                fmt::format("Unable to parse scheduled timestamp. It should be in an unambiguous "
                            "format, e.g. ISO 8601 ({})",
                            readable_times()));
}

std::optional<NodeName> name_in(const Json& body, std::string_view key) {
  std::string name = text_of(body, key);
  if (name.empty()) return std::nullopt;
  return name;
}

std::optional<Refusal> missing_name(Handover action, const FailoverRequest& request) {
  if (action == Handover::Failover && !request.candidate) {
    return Refusal{kBadRequest, "Failover could be performed only to a specific candidate"};
  }
  if (action == Handover::Switchover && !request.leader) {
    return Refusal{kBadRequest, "Switchover could be performed only from a specific leader"};
  }
  return std::nullopt;
}

std::optional<Refusal> unfit_schedule(Handover action, const std::string& text,
                                      const Settings& settings, WallTime wall_now,
                                      FailoverRequest& request) {
  if (text.empty()) return std::nullopt;
  if (action == Handover::Failover) return Refusal{kBadRequest, "Failover can't be scheduled"};
  if (settings.paused) {
    return Refusal{kBadRequest, "Can't schedule switchover in the paused state"};
  }
  const auto time = read_schedule(text, "switchover", wall_now);
  if (!time) return time.error();
  request.scheduled_at = time->at;
  request.scheduled_east = time->east;
  return std::nullopt;
}

bool needs_listed_standby(const ClusterView& cluster) {
  return cluster.config && cluster.config->settings.synchronous_mode == SynchronousMode::On &&
         !cluster.config->settings.standby_cluster;
}

bool is_listed(const ClusterView& cluster, const NodeName& name) {
  return cluster.sync && is_listed_as_sync(*cluster.sync, name);
}

Result<std::vector<Member>, Refusal> named_candidate(const HandoverRequest& handover,
                                                     const ClusterView& cluster) {
  const NodeName& candidate = *handover.request.candidate;
  if (handover.action == Handover::Switchover && needs_listed_standby(cluster) &&
      !is_listed(cluster, candidate)) {
    return refuse(kConflictingState, "candidate name does not match with sync_standby");
  }
  const Member* member = cluster.member(candidate);
  if (member == nullptr) return refuse(kConflictingState, "candidate does not exists");
  return std::vector<Member>{*member};
}

// Numbers as PostgreSQL's server_version_num has them.
Result<int, Refusal> version_number(const std::string& text) {
  std::vector<int> parts;
  for (std::size_t from = 0; from <= text.size();) {
    const std::size_t dot = std::min(text.find('.', from), text.size());
    const std::string part = text.substr(from, dot - from);
    const bool is_number = !part.empty() && part.size() < 4 &&
                           part.find_first_not_of("0123456789") == std::string::npos;
    if (!is_number) return refuse(kBadRequest, "Invalid PostgreSQL version: " + text);
    parts.push_back(std::stoi(part));
    from = dot + 1;
  }
  constexpr int kFirstWithTwoParts = 10;
  if (parts.size() == 2 && parts[0] >= kFirstWithTwoParts) return parts[0] * 10000 + parts[1];
  if (parts.size() == 3) return parts[0] * 10000 + parts[1] * 100 + parts[2];
  return refuse(kBadRequest,
                "Invalid PostgreSQL version format: X.Y or X.Y.Z is accepted: " + text);
}

std::optional<Refusal> read_restart_key(const std::string& key, const Json& value, bool is_paused,
                                        WallTime wall_now, RestartOrder& order) {
  if (key == "schedule") {
    if (is_paused) return Refusal{kServerError, "Can't schedule restart in the paused state"};
    const auto time = read_schedule(as_text(value), "restart", wall_now);
    if (!time) return time.error();
    order.schedule = *time;
    return std::nullopt;
  }
  if (key == "role") {
    const std::string role = as_text(value);
    if (role != "primary" && role != "standby_leader" && role != "replica") {
      return Refusal{kBadRequest,
                     "PostgreSQL role should be either primary, standby_leader, or replica"};
    }
    order.role = role;
  } else if (key == "postgres_version") {
    order.postgres_version = as_text(value);
    const auto number = version_number(*order.postgres_version);
    if (!number) return number.error();
  } else if (key == "timeout") {
    const auto timeout = parse_duration(as_text(value));
    if (!timeout || *timeout <= 0ns) {
      return Refusal{kBadRequest, "Timeout should be a positive number of seconds"};
    }
    order.timeout = std::chrono::duration_cast<Milliseconds>(*timeout);
  } else if (key == "restart_pending") {
    order.only_if_pending = as_bool(value).value_or(true);
  } else {
    return Refusal{kBadRequest, "Unknown filter for the scheduled restart: " + key};
  }
  return std::nullopt;
}

Refusal already_in_progress(const std::string& task) {
  return Refusal{kUnavailable, task + " already in progress"};
}

}  // namespace

Result<HandoverRequest, Refusal> read_handover(std::string_view body, Handover action,
                                               const Settings& settings, WallTime wall_now) {
  const auto object = read_required_object(body);
  if (!object) return fail(object.error());
  FailoverRequest request;
  request.leader = name_in(*object, "leader");
  request.candidate = name_in(*object, "candidate");
  if (!request.candidate) request.candidate = name_in(*object, "member");

  if (const auto refusal = missing_name(action, request)) return fail(*refusal);
  const std::string schedule = text_of(*object, "scheduled_at");
  if (const auto refusal = unfit_schedule(action, schedule, settings, wall_now, request)) {
    return fail(*refusal);
  }
  if (settings.paused && !request.candidate) {
    return refuse(kBadRequest,
                  "Switchover is possible only to a specific candidate in a paused state");
  }
  if (action == Handover::Failover && request.leader) action = Handover::Switchover;
  if (request.leader && request.leader == request.candidate) {
    return refuse(kBadRequest, "Switchover target and source are the same");
  }
  return HandoverRequest{.action = action, .request = std::move(request)};
}

Result<std::vector<Member>, Refusal> feasible_candidates(const HandoverRequest& handover,
                                                         const ClusterView& cluster) {
  if (handover.request.leader && !cluster.is_led_by(*handover.request.leader)) {
    return refuse(kConflictingState, "leader name does not match");
  }
  if (handover.request.candidate) return named_candidate(handover, cluster);

  const bool is_sync_needed = needs_listed_standby(cluster);
  std::vector<Member> candidates;
  for (const auto& [name, member] : cluster.members) {
    const bool fits = is_sync_needed ? is_listed(cluster, name)
                                     : !cluster.is_led_by(name) && !member.api_url.empty();
    if (fits) candidates.push_back(member);
  }
  if (!candidates.empty()) return candidates;
  return refuse(kConflictingState,
                fmt::format("{} is not possible: {}", name_of(handover.action),
                            is_sync_needed ? "can not find sync_standby"
                                           : "cluster does not have members except leader"));
}

bool is_good_candidate(const PeerView& answer) {
  return answer.is_reachable && !answer.nofailover && answer.failover_priority > 0 &&
         !answer.watchdog_failed;
}

Refusal no_good_candidates(Handover action) {
  return {kConflictingState,
          fmt::format("{} is not possible: no good candidates have been found", name_of(action))};
}

std::optional<ActAnswer> handover_outcome(const HandoverRequest& handover,
                                          const NodeName& former_leader, Revision written,
                                          const ClusterView& cluster) {
  if (cluster.revision < written) return std::nullopt;
  const bool is_switchover = handover.action == Handover::Switchover;
  if (cluster.has_leader() && cluster.leader->name != former_leader) {
    const NodeName& leader = cluster.leader->name;
    const auto& candidate = handover.request.candidate;
    if (!candidate || *candidate == leader) {
      return ActAnswer{200, fmt::format("Successfully {} over to \"{}\"",
                                        is_switchover ? "switched" : "failed", leader)};
    }
    return ActAnswer{200, fmt::format("{} over to \"{}\" instead of \"{}\"",
                                      is_switchover ? "Switched" : "Failed", leader, *candidate)};
  }
  if (cluster.failover) return std::nullopt;
  return ActAnswer{kUnavailable, fmt::format("{} failed", title_of(handover.action))};
}

ActAnswer handover_timed_out(Handover action, Seconds waited) {
  return {kUnavailable,
          fmt::format("{} status unknown after {} seconds; operation may still be in progress",
                      title_of(action), waited.count())};
}

Result<RestartOrder, Refusal> read_restart(std::string_view body, bool is_paused,
                                           WallTime wall_now) {
  const auto object = read_optional_object(body);
  if (!object) return fail(object.error());
  RestartOrder order;
  for (const auto& item : object->items()) {
    const auto refusal = read_restart_key(item.key(), item.value(), is_paused, wall_now, order);
    if (refusal) return fail(*refusal);
  }
  return order;
}

ScheduledRestart scheduled_restart(const RestartOrder& order, const NodeStatus& status) {
  ScheduledRestart handover;
  const ZonedTime schedule = order.schedule.value_or(ZonedTime{});
  handover.at = schedule.at;
  if (order.role) handover.role = parse_member_role(*order.role);
  if (order.postgres_version)
    handover.below_version = version_number(*order.postgres_version).value_or(0);
  handover.only_if_pending = order.only_if_pending;
  handover.timeout = order.timeout;
  handover.postmaster_start_time = status.instance.postmaster_start_time;
  Json published = Json::object();
  published["schedule"] = format_time(schedule);
  published["postmaster_start_time"] = handover.postmaster_start_time;
  if (order.role) published["role"] = *order.role;
  if (order.postgres_version) published["postgres_version"] = *order.postgres_version;
  if (order.timeout) published["timeout"] = *order.timeout / 1s;
  if (order.only_if_pending) published["restart_pending"] = true;
  handover.published = write_json(published);
  return handover;
}

std::optional<Refusal> restart_refusal(const RestartOrder& order, const NodeStatus& status) {
  if (!status.long_task.empty()) return already_in_progress(status.long_task);
  const bool role_fits = !order.role || *order.role == to_string(status.role);
  const bool pending_fits = !order.only_if_pending || !status.instance.pending_restart.empty();
  const bool version_fits =
      !order.postgres_version ||
      status.instance.server_version < version_number(*order.postgres_version).value_or(0);
  if (role_fits && pending_fits && version_fits) return std::nullopt;
  return Refusal{kUnavailable, "restart conditions are not satisfied"};
}

Result<ReinitializeOrder, Refusal> read_reinitialize(std::string_view body) {
  const auto object = read_optional_object(body);
  if (!object) return fail(object.error());
  const auto flag = [&](std::string_view key) {
    const Json* value = find(*object, key);
    return value != nullptr && as_bool(*value).value_or(false);
  };
  return ReinitializeOrder{.force = flag("force"),
                           .from_leader = flag("from_leader") || flag("from-leader")};
}

std::optional<Refusal> reinitialize_refusal(const ReinitializeOrder& order,
                                            const NodeStatus& status) {
  if (!status.cluster || !status.cluster->has_leader()) {
    return Refusal{kUnavailable, "Cluster has no leader, can not reinitialize"};
  }
  if (status.leads || status.cluster->is_led_by(status.self.name)) {
    return Refusal{kUnavailable, "I am the leader, can not reinitialize"};
  }
  if (!status.long_task.empty() && !order.force) return already_in_progress(status.long_task);
  return std::nullopt;
}

Result<FailsafePing, Refusal> read_failsafe_ping(std::string_view body) {
  const auto object = read_required_object(body);
  if (!object) return fail(object.error());
  FailsafePing ping{.name = text_of(*object, "name"),
                    .conn_url = text_of(*object, "conn_url"),
                    .api_url = text_of(*object, "api_url"),
                    .slots = {}};
  if (ping.name.empty() || ping.api_url.empty()) {
    return refuse(kBadRequest, "a failsafe request needs name, conn_url and api_url");
  }
  if (const Json* ttl = find(*object, "ttl")) {
    constexpr std::int64_t kDay = 86400;
    ping.ttl = Seconds(std::clamp<std::int64_t>(as_integer(*ttl).value_or(0), 0, kDay));
  }
  if (const Json* slots = find(*object, "slots"); slots != nullptr && slots->is_object()) {
    for (const auto& item : slots->items()) {
      if (const auto lsn = as_lsn(item.value())) ping.slots[item.key()] = *lsn;
    }
  }
  return ping;
}

}  // namespace pgherd
