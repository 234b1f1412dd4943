#include "rest/handlers.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "codec/json_reading.h"
#include "rest/cluster_document.h"
#include "rest/config_patch.h"
#include "rest/guards.h"
#include "rest/handover.h"
#include "rest/health.h"
#include "rest/json_text.h"
#include "rest/member_header.h"
#include "rest/metrics.h"
#include "rest/requests.h"
#include "rest/status_document.h"
#include "runtime/await_answer.h"

namespace pgherd {
namespace {

using boost::asio::awaitable;
using Service = std::shared_ptr<RestService>;

// Peers wait two seconds for the answer that this look is for.
constexpr Duration kObserveLimit = 1500ms;
// A picture younger than this needs no look.
constexpr Duration kFreshEnough = 50ms;
// A look that was never answered does not bind those who come later.
constexpr Duration kObserveLost = 10s;
constexpr Duration kRestartSlack = 60s;

ApiReply text_reply(int code, std::string text) {
  return {.code = code, .body = std::move(text)};
}
ApiReply reply_of(const Refusal& refusal) {
  return text_reply(refusal.code, refusal.text);
}
ApiReply reply_of(const ActAnswer& answer) {
  return text_reply(answer.code, answer.text);
}

ApiReply json_reply(int code, const nlohmann::ordered_json& document) {
  return {.code = code, .body = spaced_text(document), .content_type = "application/json"};
}

// ---- Reading ------------------------------------------------------------------------------------

ApiReply health_reply(const ApiRequest& request, const NodeStatus& status) {
  const int code = health_code(request.target.path, request.target.query, status);
  if (code == 400) {
    return text_reply(code,
                      "cannot read the lag filter: give bytes, or a number with B, kB, MB, "
                      "GB or TB");
  }
  return json_reply(code, status_document(status));
}

ApiReply config_reply(const ClusterView& cluster) {
  const auto config = cluster.config ? read_json_object(cluster.config->json) : std::nullopt;
  if (!config) return error_page(502, "The config key is missing or is not a JSON object.");
  return json_reply(200, *config);
}

ApiReply failsafe_reply(const NodeStatus& status) {
  if (!status.settings.failsafe_mode) return error_page(502, "failsafe_mode is off.");
  if (!status.failsafe_members) {
    return error_page(502, "The failsafe key is not known at present.");
  }
  nlohmann::ordered_json members = nlohmann::ordered_json::object();
  for (const auto& [name, url] : *status.failsafe_members)
    members[name] = url;
  return json_reply(200, members);
}

// Looks at PostgreSQL; all who ask meanwhile share one look. When none comes in time, PostgreSQL
// counts as not answering, which is true.
awaitable<NodeStatus> fresh_status(Service service) {
  NodeStatus known = service->node.status();
  if (known.now - known.instance.seen_at < kFreshEnough) co_return known;
  std::function<void(std::function<void(NodeStatus)>)> start = [&](auto answer) {
    service->observers.push_back(std::move(answer));
    const bool is_under_way =
        service->observers.size() > 1 && known.now - service->observing_since < kObserveLost;
    if (is_under_way) return;
    service->observing_since = known.now;
    service->node.observe_now([service](const NodeStatus& seen) {
      for (const auto& one : std::exchange(service->observers, {}))
        one(seen);
    });
  };
  auto seen = co_await await_answer<NodeStatus>(kObserveLimit, start);
  if (seen) co_return std::move(*seen);
  if (service->is_stopped) co_return known;
  known = service->node.status();
  known.instance.in_recovery.reset();
  co_return known;
}

awaitable<Result<ClusterView, Refusal>> known_cluster(Service service) {
  if (auto known = service->node.status().cluster) co_return std::move(*known);
  co_return co_await fresh_cluster(service);
}

awaitable<ApiReply> reply_to_read(Service service, std::string segment) {
  if (segment == "patroni") {
    const NodeStatus status = co_await fresh_status(service);
    co_return json_reply(200, status_document(status));
  }
  // No co_await in a conditional expression: g++ 12 destroys the result of both branches.
  Result<ClusterView, Refusal> cluster;
  if (segment == "cluster") {
    cluster = co_await fresh_cluster(service);
  } else {
    cluster = co_await known_cluster(service);
  }
  if (!cluster) co_return reply_of(cluster.error());
  if (segment == "history") co_return json_reply(200, history_document(*cluster));
  if (segment == "config") co_return config_reply(*cluster);
  if (service->is_stopped) co_return error_page(503, "The agent is stopping.");
  co_return json_reply(200, cluster_document(*cluster, service->node.status().scope));
}

// ---- Changing -----------------------------------------------------------------------------------

awaitable<ApiReply> write_config(Service service, ApiRequest request) {
  const bool is_patch = request.method == "PATCH";
  const auto cluster = co_await fresh_cluster(service);
  if (!cluster) co_return reply_of(cluster.error());
  if (!cluster->config && is_patch) co_return error_page(503, "There is no config key to patch.");
  const ConfigKey stored = cluster->config ? *cluster->config : ConfigKey{};
  const auto change =
      is_patch ? patched_config(stored, request.body) : replaced_config(stored, request.body);
  if (!change) co_return reply_of(change.error());
  if (service->is_stopped) co_return error_page(503, "The agent is stopping.");
  if (change->has_changed) {
    std::function<void(std::function<void(WriteEnded)>)> start = [&](auto answer) {
      service->node.write_config(change->json, stored.mod_revision, std::move(answer));
    };
    const auto ended = co_await await_answer<WriteEnded>(kStoreLimit, start);
    if (ended && ended->how == WriteEnded::How::Refused) {
      co_return error_page(409, "The configuration was changed by somebody else meanwhile.");
    }
    if (!ended || ended->how == WriteEnded::How::Unknown) {
      co_return error_page(is_patch ? 503 : 502,
                           "Whether the configuration was written is not known.");
    }
  }
  if (!service->is_stopped) service->node.wake();
  co_return json_reply(200, read_json_object(change->json).value_or(Json::object()));
}

awaitable<ApiReply> restart(Service service, ApiRequest request) {
  const NodeStatus status = service->node.status();
  const auto order = read_restart(request.body, status.settings.paused, status.wall_now);
  if (!order) co_return reply_of(order.error());
  if (order->schedule) {
    ApiReply reply = text_reply(503, "the restart could not be scheduled");
    service->node.schedule_restart(scheduled_restart(*order, status),
                                   [&reply](bool is_granted, std::string why_not) {
                                     reply = is_granted ? text_reply(202, "Restart scheduled")
                                                        : text_reply(409, std::move(why_not));
                                   });
    co_return reply;
  }
  if (const auto refusal = restart_refusal(*order, status)) co_return reply_of(*refusal);
  using Ended = std::pair<bool, std::string>;
  std::function<void(std::function<void(Ended)>)> start = [&](std::function<void(Ended)> answer) {
    service->node.restart(order->timeout, [answer](bool succeeded, std::string detail) {
      answer({succeeded, std::move(detail)});
    });
  };
  const Duration limit =
      order->timeout.value_or(status.settings.primary_start_timeout) + kRestartSlack;
  const auto ended = co_await await_answer<Ended>(limit, start);
  if (!ended) co_return text_reply(503, "postgres is still starting");
  if (ended->first) co_return text_reply(200, "restarted successfully");
  const std::string& detail = ended->second;
  const bool is_known_text =
      detail == "postgres is still starting" || detail.ends_with("already in progress");
  if (is_known_text) co_return text_reply(503, detail);
  co_return text_reply(503, detail.empty() ? "restart failed" : "restart failed: " + detail);
}

awaitable<ApiReply> reinitialize(Service service, ApiRequest request) {
  const auto order = read_reinitialize(request.body);
  if (!order) co_return reply_of(order.error());
  if (const auto refusal = reinitialize_refusal(*order, service->node.status())) {
    co_return reply_of(*refusal);
  }
  std::function<void(std::function<void(ActAnswer)>)> start = [&](auto answer) {
    service->node.reinitialize(order->force, order->from_leader, std::move(answer));
  };
  const auto ended = co_await await_answer<ActAnswer>(kStoreLimit, start);
  co_return ended ? reply_of(*ended) : text_reply(503, "reinitialize was not started in time");
}

ApiReply failsafe(RestService& service, const ApiRequest& request) {
  const auto ping = read_failsafe_ping(request.body);
  if (!ping) return reply_of(ping.error());
  const NodeStatus status = service.node.status();
  if (!status.settings.failsafe_mode) return error_page(502, "failsafe_mode is off.");
  if (status.instance.is_running_primary()) return text_reply(500, "Running as a leader");
  if (std::string why_not = service.node.refuse_failsafe_ping(*ping); !why_not.empty()) {
    return text_reply(500, std::move(why_not));
  }
  ApiReply reply = text_reply(200, "Accepted");
  nlohmann::ordered_json self;
  self["scope"] = status.scope;
  self["name"] = status.self.name;
  reply.headers.emplace_back(kMemberHeader, spaced_text(self));
  if (const Lsn position = status.instance.position(); position.is_known()) {
    reply.headers.emplace_back("lsn", fmt::format("{}", position.bytes));
  }
  return reply;
}

// ---- Routes -------------------------------------------------------------------------------------

struct Route {
  std::string_view method;
  std::string_view segment;
  bool needs_body;
};
constexpr std::array kRoutes = {
    Route{"PATCH", "config", true},    Route{"PUT", "config", true},
    Route{"POST", "reload", false},    Route{"POST", "restart", false},
    Route{"DELETE", "restart", false}, Route{"POST", "reinitialize", false},
    Route{"POST", "switchover", true}, Route{"DELETE", "switchover", false},
    Route{"POST", "failover", true},   Route{"POST", "failsafe", true},
    Route{"POST", "sigterm", false},
};

const Route* route_of(const ApiRequest& request) {
  const std::string_view segment = first_segment(request.target.path);
  const auto* found = std::find_if(kRoutes.begin(), kRoutes.end(), [&](const Route& route) {
    return route.method == request.method && route.segment == segment;
  });
  return found == kRoutes.end() ? nullptr : found;
}

awaitable<ApiReply> reply_to_change(Service service, ApiRequest request, const Route& route) {
  const std::string_view what = route.segment;
  if (what == "config") co_return co_await write_config(service, std::move(request));
  if (what == "switchover" && request.method == "DELETE") {
    const ActAnswer answer = co_await delete_switchover(service);
    co_return reply_of(answer);
  }
  if (what == "switchover" || what == "failover") {
    const auto action = what == "switchover" ? Handover::Switchover : Handover::Failover;
    const ActAnswer answer = co_await hand_over(service, action, std::move(request.body));
    co_return reply_of(answer);
  }
  if (what == "restart" && request.method == "DELETE") {
    ApiReply reply = text_reply(503, "the restart could not be deleted");
    service->node.unschedule_restart([&reply](bool is_granted, std::string why_not) {
      reply = is_granted ? text_reply(200, "scheduled restart deleted")
                         : text_reply(404, std::move(why_not));
    });
    co_return reply;
  }
  if (what == "restart") co_return co_await restart(service, std::move(request));
  if (what == "reinitialize") co_return co_await reinitialize(service, std::move(request));
  if (what == "failsafe") co_return failsafe(*service, request);
  if (what == "reload") {
    service->node.reload();
    co_return text_reply(202, "reload scheduled");
  }
  co_return text_reply(202, "shutdown scheduled");  // sigterm: kept for its callers, does nothing
}

bool only_reads(const ApiRequest& request) {
  return request.method == "GET" || request.method == "HEAD" || request.method == "OPTIONS";
}

}  // namespace

ApiReply error_page(int code, std::string_view message) {
  return {.code = code,
          .body = fmt::format("<!DOCTYPE html>\n<html><head><title>Error {0}</title></head>"
                              "<body><h1>Error {0}</h1><p>{1}</p></body></html>\n",
                              code, message),
          .content_type = "text/html;charset=utf-8"};
}

std::optional<ApiReply> reply_at_once(RestService& service, const ApiRequest& request) {
  if (!only_reads(request)) return std::nullopt;
  const std::string_view segment = first_segment(request.target.path);
  for (const std::string_view later : {"patroni", "cluster", "history", "config"}) {
    if (segment == later) return std::nullopt;
  }
  if (service.is_stopped) return error_page(503, "The agent is stopping.");
  const NodeStatus status = service.node.status();
  if (segment == "liveness") return text_reply(liveness_code(status), "");
  if (segment == "readiness") {
    return text_reply(readiness_code(request.target.query, status), "");
  }
  if (segment == "metrics") {
    return ApiReply{.body = metrics_text(status), .content_type = "text/plain"};
  }
  if (segment == "failsafe") return failsafe_reply(status);
  return health_reply(request, status);
}

awaitable<ApiReply> reply_later(Service service, std::shared_ptr<RestSetup> setup,
                                ApiRequest request) {
  if (service->is_stopped) co_return error_page(503, "The agent is stopping.");
  if (only_reads(request)) {
    const std::string segment(first_segment(request.target.path));
    co_return co_await reply_to_read(service, segment);
  }
  const Route* route = route_of(request);
  if (route == nullptr) {
    co_return error_page(501, "Server does not support this operation");
  }
  const auto denied = co_await denial(service, setup, request);
  if (denied) co_return *denied;
  if (service->is_stopped) co_return error_page(503, "The agent is stopping.");
  if (route->needs_body && !request.has_length) {
    co_return error_page(411, "The request needs a body and a Content-Length.");
  }
  co_return co_await reply_to_change(service, std::move(request), *route);
}

}  // namespace pgherd
