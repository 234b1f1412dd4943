#include "rest/handover.h"
#include "runtime/await_answer.h"

#include <algorithm>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <chrono>

namespace pgherd {
namespace {

using boost::asio::awaitable;
using Service = std::shared_ptr<RestService>;

constexpr Milliseconds kProbeTimeout = 2s;
constexpr Duration kLookEvery = 50ms;

ActAnswer answer_of(const Refusal& refusal) {
  return {refusal.code, refusal.text};
}
ActAnswer stopping() {
  return {503, "the agent is stopping"};
}

// The first good answer decides; one silent member does not hold up the others.
awaitable<bool> has_good_candidate(Service service, std::vector<Member> candidates) {
  std::map<NodeName, std::string> targets;
  for (const Member& member : candidates) {
    if (!member.api_url.empty()) targets[member.name] = member.api_url;
  }
  if (targets.empty()) co_return false;
  std::function<void(std::function<void(bool)>)> start = [&](std::function<void(bool)> answer) {
    service->peers.probe(
        targets, kProbeTimeout,
        [answer](const NodeName&, const PeerView& view) {
          if (is_good_candidate(view)) answer(true);
        },
        [answer] { answer(false); });
  };
  const auto found = co_await await_answer<bool>(2 * kProbeTimeout, start);
  co_return found.value_or(false);
}

awaitable<std::optional<Refusal>> infeasibility(Service service, const HandoverRequest& handover,
                                                const ClusterView& cluster) {
  const auto candidates = feasible_candidates(handover, cluster);
  if (!candidates) co_return candidates.error();
  const bool is_possible = co_await has_good_candidate(service, *candidates);
  if (!is_possible) co_return no_good_candidates(handover.action);
  co_return std::nullopt;
}

awaitable<ActAnswer> follow(Service service, const HandoverRequest& handover,
                            NodeName former_leader, Revision written) {
  const Seconds loop_wait =
      std::chrono::duration_cast<Seconds>(service->node.status().settings.loop_wait);
  const Seconds patience = 2 * std::max<Seconds>(10s, loop_wait);
  const auto give_up = std::chrono::steady_clock::now() + patience;
  boost::asio::steady_timer timer(co_await boost::asio::this_coro::executor);
  while (!service->is_stopped) {
    const auto cluster = service->node.status().cluster;
    if (cluster) {
      if (auto outcome = handover_outcome(handover, former_leader, written, *cluster)) {
        co_return *outcome;
      }
    }
    if (std::chrono::steady_clock::now() >= give_up) {
      co_return handover_timed_out(handover.action, patience);
    }
    timer.expires_after(kLookEvery);
    const auto [ignored] = co_await timer.async_wait(kAsTuple);
    static_cast<void>(ignored);
  }
  co_return stopping();
}

}  // namespace

awaitable<ActAnswer> hand_over(Service service, Handover action, std::string body) {
  const auto cluster = co_await fresh_cluster(service);
  if (!cluster) co_return answer_of(cluster.error());
  if (service->is_stopped) co_return stopping();
  NodeStatus status = service->node.status();
  const Settings& settings = cluster->config ? cluster->config->settings : status.settings;
  const auto handover = read_handover(body, action, settings, status.wall_now);
  if (!handover) co_return answer_of(handover.error());

  const bool is_scheduled = handover->request.scheduled_at.has_value();
  if (!is_scheduled) {
    const auto refusal = co_await infeasibility(service, *handover, *cluster);
    if (refusal) co_return answer_of(*refusal);
  }
  if (service->is_stopped) co_return stopping();
  std::function<void(std::function<void(WriteEnded)>)> start = [&](auto answer) {
    service->node.write_failover(handover->request, std::move(answer));
  };
  const auto ended = co_await await_answer<WriteEnded>(kStoreLimit, start);
  if (!ended || ended->how != WriteEnded::How::Applied) {
    co_return ActAnswer{503, "failed to write failover key into DCS"};
  }
  if (is_scheduled) co_return ActAnswer{202, "Switchover scheduled"};
  if (service->is_stopped) co_return stopping();
  const NodeName former = cluster->has_leader() ? cluster->leader->name : NodeName();
  co_return co_await follow(service, *handover, former, ended->revision);
}

awaitable<ActAnswer> delete_switchover(Service service) {
  const auto cluster = co_await fresh_cluster(service);
  if (!cluster) co_return answer_of(cluster.error());
  if (!cluster->failover || !cluster->failover->scheduled_at) {
    co_return ActAnswer{404, "no switchover is scheduled"};
  }
  if (service->is_stopped) co_return stopping();
  std::function<void(std::function<void(WriteEnded)>)> start = [&](auto answer) {
    service->node.clear_failover(cluster->failover->mod_revision, std::move(answer));
  };
  const auto ended = co_await await_answer<WriteEnded>(kStoreLimit, start);
  if (ended && ended->how == WriteEnded::How::Applied) {
    co_return ActAnswer{200, "scheduled switchover deleted"};
  }
  if (ended && ended->how == WriteEnded::How::Refused) {
    co_return ActAnswer{409, "the switchover was changed by somebody else meanwhile"};
  }
  co_return ActAnswer{503, "whether the switchover was deleted is not known"};
}

}  // namespace pgherd
