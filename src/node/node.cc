#include "node/node.h"

#include <algorithm>
#include <utility>

#include "model/settings.h"
#include "node/store_session.h"

namespace pgherd {
namespace {

StepEnded ended(StepId id, StoreOutcome outcome, std::string detail = {}) {
  StepEnded event;
  event.id = id;
  event.store = outcome;
  event.detail = std::move(detail);
  return event;
}

// A denied or rejected request has decided nothing about the key: it is tried again.
StepEnded ended(StepId id, const DcsError& error) {
  return ended(
      id,
      error.kind == DcsErrorKind::LeaseUnknown ? StoreOutcome::LeaseLost : StoreOutcome::Unknown,
      error.text);
}

StepEnded ended(StepId id, const Result<Committed, DcsError>& answer) {
  if (!answer) return ended(id, answer.error());
  StepEnded event = ended(id, answer->succeeded ? StoreOutcome::Applied : StoreOutcome::Refused);
  event.revision = answer->revision;
  return event;
}

}  // namespace

Node::Node(Identity self, Settings initial, Layout layout, Doors doors, NodeListener listener)
    : agent_(std::move(self), std::move(initial)),
      layout_(std::move(layout)),
      doors_(doors),
      listener_(std::move(listener)) {}

Node::~Node() = default;

const Agent& Node::agent() const {
  return agent_;
}

const Shared<ClusterView>& Node::cluster() const {
  static const Shared<ClusterView> kNone;
  const StoreSeen& store = agent_.picture().store;
  const bool is_fresh =
      store.is_reachable || doors_.clock.now() - store.confirmed_at < agent_.picture().settings.ttl;
  return is_fresh ? store.cluster : kNone;
}

bool Node::leads() const {
  return agent_.leads(doors_.clock.now());
}

void Node::start() {
  session_ = std::make_unique<StoreSession>(
      doors_.clock, doors_.dcs, layout_,
      StoreSession::Listener{
          .pictured =
              [this](const Shared<ClusterView>& view) {
                note_config(*view);
                if (view->config)
                  session_->set_sign_of_life(sign_of_life_every(view->config->settings));
                post(StorePictured{.cluster = view});
              },
          .alive = [this] { post(StorePictured{}); },
          .silent = [this](std::string problem) { post(StoreSilent{std::move(problem)}); },
      });
  session_->set_sign_of_life(sign_of_life_every(agent_.picture().settings));
  std::weak_ptr<char> alive = alive_;
  doors_.instance.on_change([this, alive](InstanceView view) {
    if (!alive.expired()) post(InstanceSeen{std::move(view)});
  });
  session_->start();
  post(TimeCame{});
}

void Node::leave() {
  post(LeaveAsked{});
}

void Node::reconfigure(Identity self, Settings settings) {
  post(SettingsRead{.self = std::move(self), .settings = std::move(settings)});
}

void Node::ask_restart(std::optional<Milliseconds> timeout,
                       std::function<void(bool, std::string)> answer) {
  post(RestartAsked{.wish = {.id = expect(std::move(answer)), .timeout = timeout}});
}

std::uint64_t Node::expect(Granted answer) {
  const std::uint64_t id = next_request_++;
  answers_[id] = std::move(answer);
  return id;
}

void Node::schedule_restart(ScheduledRestart wish, Granted answer) {
  post(RestartScheduled{.id = expect(std::move(answer)), .wish = std::move(wish)});
}

void Node::unschedule_restart(Granted answer) {
  post(RestartUnscheduled{.id = expect(std::move(answer))});
}

void Node::ask_reinitialize(bool force, bool from_leader, Granted answer) {
  post(ReinitializeAsked{
      .id = expect(std::move(answer)), .from_leader = from_leader, .force = force});
}

void Node::ask_failsafe(FailsafePing ping, Granted answer) {
  post(FailsafeAsked{.id = expect(std::move(answer)), .ping = std::move(ping)});
}

void Node::note_config(const ClusterView& cluster) {
  if (!cluster.config || config_json_ == cluster.config->json) return;
  config_json_ = cluster.config->json;
  if (listener_.on_config) listener_.on_config(*cluster.config);
}

// Events that arise while commands are carried out wait for their turn.
void Node::post(Event event) {
  if (has_ended_) return;
  if (is_busy_) {
    queue_.push_back(std::move(event));
    return;
  }
  is_busy_ = true;
  take(std::move(event));
  while (!queue_.empty() && !has_ended_) {
    Event next = std::move(queue_.front());
    queue_.pop_front();
    take(std::move(next));
  }
  is_busy_ = false;
}

void Node::take(Event event) {
  const auto commands = agent_.step(std::move(event), doors_.clock.now(), doors_.clock.wall_now());
  for (const Command& command : commands) {
    if (!has_ended_) carry_out(command);
  }
}

void Node::carry_out(const Command& command) {
  if (const auto* step = std::get_if<StartStep>(&command)) {
    start_step(*step);
  } else if (const auto* fence = std::get_if<OrderFence>(&command)) {
    order_fence(fence->order);
  } else if (const auto* wake = std::get_if<WakeAt>(&command)) {
    if (alarm_ && alarm_at_ == wake->when) return;
    std::weak_ptr<char> alive = alive_;
    alarm_at_ = wake->when;
    alarm_ = doors_.clock.at(wake->when, [this, alive] {
      if (alive.expired()) return;
      alarm_.reset();
      post(TimeCame{});
    });
  } else if (std::holds_alternative<Tell>(command)) {
    if (listener_.on_decision) listener_.on_decision(agent_.last_decision());
  } else if (const auto* answer = std::get_if<AnswerRequest>(&command)) {
    give_answer(*answer);
  }
}

void Node::order_fence(const FenceOrder& order) {
  tell_rule(order.rule);
  if (order.kind == FenceOrder::Kind::Disarmed) {
    doors_.fence.disarm();
  } else if (order.earlier_stands) {
    doors_.fence.arm_no_later(order.at, order.postmaster_pid);
  } else {
    doors_.fence.arm(order.at, order.postmaster_pid);
  }
}

void Node::give_answer(const AnswerRequest& answer) {
  tell_rule(answer.rule);
  const auto found = answers_.find(answer.id);
  if (found == answers_.end()) return;
  const auto reply = std::move(found->second);
  answers_.erase(found);
  reply(answer.is_granted, answer.detail);
}

void Node::tell_rule(std::string_view rule) {
  if (!rule.empty() && listener_.on_rule) listener_.on_rule(rule);
}

void Node::end(const Exit& exit) {
  has_ended_ = true;
  queue_.clear();
  session_->stop();
  alarm_.reset();
  if (listener_.on_exit) listener_.on_exit(exit);
}

void Node::start_step(const StartStep& command) {
  if (listener_.on_start) listener_.on_start(command.step);
  switch (lane_of(command.step)) {
    case Lane::Control:
      if (const auto* exit = std::get_if<Exit>(&command.step)) return end(*exit);
      if (std::holds_alternative<CancelInstanceAct>(command.step)) cancel_act();
      return;
    case Lane::Lease:
      return start_lease_step(command);
    case Lane::LeaderKey:
    case Lane::Initialize:
    case Lane::Member:
    case Lane::Status:
    case Lane::History:
    case Lane::Sync:
    case Lane::FailoverRequest:
    case Lane::Failsafe:
      return start_transaction(command);
    case Lane::FailsafeRound:
      return start_failsafe_round(command);
    case Lane::Watchdog:
      return start_watchdog_step(command);
    case Lane::Peers: {
      const auto& probe = std::get<ProbePeers>(command.step);
      std::weak_ptr<char> alive = alive_;
      return doors_.peers.probe(
          probe.targets, probe.timeout,
          [this, alive](NodeName name, PeerView view) {
            if (!alive.expired())
              post(PeerAnswered{.name = std::move(name), .view = std::move(view)});
          },
          [this, alive, id = command.id] {
            if (!alive.expired()) post(ended(id, StoreOutcome::Applied));
          });
    }
    case Lane::Observe:
      return observe_then(ended(command.id, StoreOutcome::Applied));
    case Lane::Instance:
    case Lane::Slots:
    case Lane::Checkpoint:
    case Lane::Replay:
    case Lane::Configuration:
    case Lane::SyncNames:
      return start_act(command);
  }
}

void Node::start_transaction(const StartStep& command) {
  auto transaction = layout_.transaction(command.step);
  if (!transaction) return post(ended(command.id, StoreOutcome::Refused, "no transaction"));
  std::weak_ptr<char> alive = alive_;
  doors_.dcs.commit(std::move(*transaction), command.deadline,
                    [this, alive, id = command.id,
                     name = name_of(command.step)](Result<Committed, DcsError> answer) {
                      if (alive.expired()) return;
                      StepEnded event = ended(id, answer);
                      if (event.store != StoreOutcome::Applied && listener_.on_step) {
                        listener_.on_step(std::string(name) + (answer ? ": refused by the store"
                                                                      : ": " + event.detail));
                      }
                      post(std::move(event));
                    });
}

void Node::start_lease_step(const StartStep& command) {
  std::weak_ptr<char> alive = alive_;
  const StepId id = command.id;
  if (const auto* grant = std::get_if<GrantLease>(&command.step)) {
    return doors_.dcs.grant(grant->ttl, command.deadline,
                            [this, alive, id](Result<Dcs::Lease, DcsError> answer) {
                              if (alive.expired()) return;
                              if (!answer) return post(ended(id, answer.error()));
                              StepEnded event = ended(id, StoreOutcome::Applied);
                              event.lease = answer->id;
                              event.ttl = answer->ttl;
                              post(event);
                            });
  }
  if (const auto* step = std::get_if<RenewLease>(&command.step)) return renew(command, *step);
  doors_.dcs.revoke(std::get<RevokeLease>(command.step).lease, command.deadline,
                    [this, alive, id](Result<Committed, DcsError> answer) {
                      if (!alive.expired()) post(ended(id, answer));
                    });
}

// Keep-alive and confirmation travel side by side; only both together are a renewal.
void Node::renew(const StartStep& command, const RenewLease& step) {
  struct Halves {
    std::optional<Result<Dcs::Lease, DcsError>> lease;
    std::optional<Result<Committed, DcsError>> key;
  };
  auto halves = std::make_shared<Halves>();
  std::weak_ptr<char> alive = alive_;
  const bool holds = step.holds_leader_key;
  const auto join = [this, alive, halves, holds, id = command.id] {
    if (alive.expired() || !halves->lease || (holds && !halves->key)) return;
    const auto& lease = *halves->lease;
    if (!lease) return post(ended(id, lease.error()));
    if (holds && !*halves->key) return post(ended(id, halves->key->error()));
    StepEnded event = holds ? ended(id, *halves->key) : ended(id, StoreOutcome::Applied);
    event.ttl = lease->ttl;
    post(event);
  };
  if (holds) {
    auto confirmation = layout_.transaction(command.step);
    doors_.dcs.commit(confirmation.value_or(Transaction{}), command.deadline,
                      [halves, join](Result<Committed, DcsError> answer) {
                        halves->key = std::move(answer);
                        join();
                      });
  }
  doors_.dcs.keep_alive(step.lease, command.deadline,
                        [halves, join](Result<Dcs::Lease, DcsError> answer) {
                          halves->lease = std::move(answer);
                          join();
                        });
}

void Node::observe_then(StepEnded event) {
  std::weak_ptr<char> alive = alive_;
  doors_.instance.observe([this, alive, event = std::move(event)](InstanceView view) mutable {
    if (alive.expired()) return;
    if (looking_after_ && looking_after_->id == event.id) looking_after_.reset();
    if (event.id == told_unseen_) return post(InstanceSeen{std::move(view)});
    event.instance = std::move(view);
    post(std::move(event));
  });
}

// An act that is over cannot be ended; that it is over is told at once, for something is waiting.
void Node::cancel_act() {
  if (!looking_after_) return doors_.instance.cancel();
  told_unseen_ = looking_after_->id;
  StepEnded event = std::move(*looking_after_);
  looking_after_.reset();
  post(std::move(event));
}

// The end of an act is only told together with a look at what it has led to: a decision between the
// two would see a server that is not what it has become.
void Node::start_act(const StartStep& command) {
  const std::string name = to_string(command.step);
  const bool is_long = lane_of(command.step) == Lane::Instance;
  if (is_long && listener_.on_step) listener_.on_step(name + " begins");
  std::weak_ptr<char> alive = alive_;
  doors_.instance.perform(
      command.step, [this, alive, name, is_long, id = command.id](ActResult result) {
        if (alive.expired()) return;
        const bool is_told = is_long || result.outcome != ActOutcome::Done;
        if (is_told && listener_.on_step) {
          listener_.on_step(name + (result.outcome == ActOutcome::Done ? " done" : " failed") +
                            (result.detail.empty() ? "" : ": " + result.detail));
        }
        StepEnded event = ended(id, StoreOutcome::Applied, result.detail);
        event.act = result.outcome;
        event.divergence = result.divergence;
        if (is_long) looking_after_ = event;
        observe_then(std::move(event));
      });
}

void Node::start_failsafe_round(const StartStep& command) {
  const auto& step = std::get<AskFailsafe>(command.step);
  std::weak_ptr<char> alive = alive_;
  doors_.peers.ask_failsafe(step.ping, step.targets, step.timeout,
                            [this, alive, id = command.id](FailsafeRound round) {
                              if (alive.expired()) return;
                              StepEnded event = ended(id, StoreOutcome::Applied);
                              event.failsafe = std::move(round);
                              post(event);
                            });
}

void Node::start_watchdog_step(const StartStep& command) {
  std::weak_ptr<char> alive = alive_;
  auto done = [this, alive, id = command.id](WatchdogView view) {
    if (alive.expired()) return;
    const bool is_news = view.problem != agent_.picture().watchdog.problem;
    if (is_news && !view.problem.empty() && listener_.on_step) listener_.on_step(view.problem);
    StepEnded event = ended(id, StoreOutcome::Applied);
    event.watchdog = std::move(view);
    post(event);
  };
  if (doors_.watchdog == nullptr) {
    WatchdogView none;
    none.problem = "this node has no watchdog";
    return done(std::move(none));
  }
  if (const auto* activate = std::get_if<ActivateWatchdog>(&command.step)) {
    return doors_.watchdog->activate(activate->timeout, std::move(done));
  }
  if (std::holds_alternative<FeedWatchdog>(command.step)) {
    return doors_.watchdog->feed(std::move(done));
  }
  doors_.watchdog->disarm(std::move(done));
}

}  // namespace pgherd
