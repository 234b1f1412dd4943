#include "node/node.h"

#include <algorithm>
#include <utility>

#include "dcs/store_session.h"
#include "model/settings.h"

namespace pgherd {
namespace {

// A denied or rejected request has decided nothing about the key: it is tried again.
StoreOutcome outcome_of(const DcsError& error) {
  return error.kind == DcsErrorKind::LeaseUnknown ? StoreOutcome::LeaseLost : StoreOutcome::Unknown;
}

StoreAnswer store_answer(const Result<Committed, DcsError>& answer) {
  if (!answer) return {.outcome = outcome_of(answer.error()), .detail = answer.error().text};
  return {.outcome = answer->succeeded ? StoreOutcome::Applied : StoreOutcome::Refused,
          .revision = answer->revision};
}

LeaseAnswer lease_answer(const DcsError& error) {
  return {.outcome = outcome_of(error), .detail = error.text};
}

LeaseAnswer lease_answer(const Result<Committed, DcsError>& answer) {
  StoreAnswer plain = store_answer(answer);
  return {.outcome = plain.outcome, .revision = plain.revision, .detail = std::move(plain.detail)};
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
  post(RestartAsked{.request = {.id = expect(std::move(answer)), .timeout = timeout}});
}

std::uint64_t Node::expect(Granted answer) {
  const std::uint64_t id = next_request_++;
  answers_[id] = std::move(answer);
  return id;
}

void Node::schedule_restart(ScheduledRestart request, Granted answer) {
  post(RestartScheduled{.id = expect(std::move(answer)), .request = std::move(request)});
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
  if (agent_.has_rested() && listener_.on_rest && !has_ended_) listener_.on_rest();
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
  } else if (const auto* tell = std::get_if<Tell>(&command)) {
    if (listener_.on_decision) listener_.on_decision(*tell);
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
  std::visit([&](const auto& step) { begin(step, command); }, command.step);
}

template <EndsWith<StoreAnswer> S>
void Node::begin(const S& step, const StartStep& command) {
  auto transaction = layout_.transaction(step);
  if (!transaction) {
    return post(StepEnded{
        .id = command.id,
        .outcome = StoreAnswer{.outcome = StoreOutcome::Refused, .detail = "no transaction"}});
  }
  std::weak_ptr<char> alive = alive_;
  doors_.dcs.commit(
      std::move(*transaction), command.deadline,
      [this, alive, id = command.id](const Result<Committed, DcsError>& committed) {
        if (alive.expired()) return;
        StoreAnswer answer = store_answer(committed);
        if (answer.outcome != StoreOutcome::Applied && listener_.on_step) {
          listener_.on_step(std::string(S::kName) +
                            (committed ? ": refused by the store" : ": " + answer.detail));
        }
        post(StepEnded{.id = id, .outcome = std::move(answer)});
      });
}

void Node::begin(const GrantLease& step, const StartStep& command) {
  std::weak_ptr<char> alive = alive_;
  doors_.dcs.grant(step.ttl, command.deadline,
                   [this, alive, id = command.id,
                    sent = doors_.clock.now()](Result<Dcs::Lease, DcsError> answer) {
                     if (alive.expired()) return;
                     if (answer) session_->answered(sent);
                     LeaseAnswer granted = answer ? LeaseAnswer{.outcome = StoreOutcome::Applied,
                                                                .lease = answer->id,
                                                                .ttl = answer->ttl}
                                                  : lease_answer(answer.error());
                     post(StepEnded{.id = id, .outcome = std::move(granted)});
                   });
}

void Node::begin(const RevokeLease& step, const StartStep& command) {
  std::weak_ptr<char> alive = alive_;
  doors_.dcs.revoke(step.lease, command.deadline,
                    [this, alive, id = command.id](const Result<Committed, DcsError>& answer) {
                      if (alive.expired()) return;
                      post(StepEnded{.id = id, .outcome = lease_answer(answer)});
                    });
}

void Node::tell_renewal(const LeaseAnswer& answer, Instant sent) {
  if (!listener_.on_renewal) return;
  const LeaseSession& before = agent_.picture().session;
  const Instant now = doors_.clock.now();
  listener_.on_renewal({.is_confirmed = answer.outcome == StoreOutcome::Applied,
                        .took = now - sent,
                        .lease_age = now - before.renewed_at,
                        .ttl = before.ttl});
}

// Keep-alive and confirmation travel side by side; only both together are a renewal.
void Node::begin(const RenewLease& step, const StartStep& command) {
  struct Halves {
    std::optional<Result<Dcs::Lease, DcsError>> lease;
    std::optional<Result<Committed, DcsError>> key;
  };
  auto halves = std::make_shared<Halves>();
  std::weak_ptr<char> alive = alive_;
  const bool holds = step.holds_leader_key;
  const auto join = [this, alive, halves, holds, id = command.id, sent = doors_.clock.now()] {
    if (alive.expired() || !halves->lease || (holds && !halves->key)) return;
    const auto& lease = *halves->lease;
    LeaseAnswer answer{.outcome = StoreOutcome::Applied};
    if (!lease) {
      answer = lease_answer(lease.error());
    } else {
      session_->answered(sent);
      if (holds) answer = lease_answer(*halves->key);
      answer.ttl = lease->ttl;
    }
    tell_renewal(answer, sent);
    post(StepEnded{.id = id, .outcome = std::move(answer)});
  };
  if (holds) {
    auto confirmation = layout_.transaction(step);
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

void Node::begin(const ProbePeers& step, const StartStep& command) {
  std::weak_ptr<char> alive = alive_;
  doors_.peers.probe(
      step.targets, step.timeout,
      [this, alive](NodeName name, PeerView view) {
        if (alive.expired()) return;
        post(PeerAnswered{.name = std::move(name), .view = std::move(view)});
      },
      [this, alive, id = command.id] {
        if (!alive.expired()) post(StepEnded{.id = id, .outcome = PeersAsked{}});
      });
}

void Node::begin(const AskFailsafe& step, const StartStep& command) {
  std::weak_ptr<char> alive = alive_;
  doors_.peers.ask_failsafe(step.ping, step.targets, step.timeout,
                            [this, alive, id = command.id](FailsafeRound round) {
                              if (alive.expired()) return;
                              FailsafeAnswer answer{.round = std::move(round)};
                              post(StepEnded{.id = id, .outcome = std::move(answer)});
                            });
}

void Node::begin(const ObserveInstance& /*step*/, const StartStep& command) {
  std::weak_ptr<char> alive = alive_;
  doors_.instance.observe([this, alive, id = command.id](InstanceView view) {
    if (!alive.expired()) post(StepEnded{.id = id, .outcome = Looked{.view = std::move(view)}});
  });
}

// The end of an act is only told together with a look at what it has led to: a decision between the
// two would see a server that is not what it has become.
template <EndsWith<ActEnd> S>
void Node::begin(const S& step, const StartStep& command) {
  constexpr bool kIsLong = S::kLane == Lane::Instance;
  const std::string name = to_string(command.step);
  if (kIsLong && listener_.on_step) listener_.on_step(name + " begins");
  std::weak_ptr<char> alive = alive_;
  doors_.instance.perform(step, [this, alive, name, id = command.id](ActResult result) {
    if (alive.expired()) return;
    const bool is_told = kIsLong || result.outcome != ActOutcome::Done;
    if (is_told && listener_.on_step) {
      listener_.on_step(name + (result.outcome == ActOutcome::Done ? " done" : " failed") +
                        (result.detail.empty() ? "" : ": " + result.detail));
    }
    ActEnd end{.outcome = result.outcome,
               .detail = std::move(result.detail),
               .divergence = std::move(result.divergence)};
    if (kIsLong) looking_after_ = LookingAfter{.id = id, .end = end};
    look_after(id, std::move(end));
  });
}

void Node::look_after(StepId id, ActEnd end) {
  std::weak_ptr<char> alive = alive_;
  doors_.instance.observe([this, alive, id, end = std::move(end)](InstanceView view) mutable {
    if (alive.expired()) return;
    if (looking_after_ && looking_after_->id == id) looking_after_.reset();
    if (id == told_unseen_) return post(InstanceSeen{std::move(view)});
    end.seen_after = std::move(view);
    post(StepEnded{.id = id, .outcome = std::move(end)});
  });
}

// An act that is over cannot be ended; that it is over is told at once, for something is waiting.
void Node::begin(const CancelInstanceAct& /*step*/, const StartStep& /*command*/) {
  if (!looking_after_) return doors_.instance.cancel();
  told_unseen_ = looking_after_->id;
  StepEnded event{.id = looking_after_->id, .outcome = std::move(looking_after_->end)};
  looking_after_.reset();
  post(std::move(event));
}

void Node::begin(const ExtendInstanceAct& step, const StartStep& /*command*/) {
  doors_.instance.extend(step.lease_valid_until);
}

void Node::begin(const Exit& step, const StartStep& /*command*/) {
  end(step);
}

template <EndsWith<WatchdogAnswer> S>
void Node::begin(const S& step, const StartStep& command) {
  std::weak_ptr<char> alive = alive_;
  auto done = [this, alive, id = command.id](WatchdogView view) {
    if (alive.expired()) return;
    const bool is_news = view.problem != agent_.picture().watchdog.problem;
    if (is_news && !view.problem.empty() && listener_.on_step) listener_.on_step(view.problem);
    post(StepEnded{.id = id, .outcome = WatchdogAnswer{.view = std::move(view)}});
  };
  if (doors_.watchdog == nullptr) {
    WatchdogView none;
    none.problem = "this node has no watchdog";
    return done(std::move(none));
  }
  if constexpr (std::is_same_v<S, ActivateWatchdog>) {
    doors_.watchdog->activate(step.timeout, std::move(done));
  } else if constexpr (std::is_same_v<S, FeedWatchdog>) {
    doors_.watchdog->feed(std::move(done));
  } else {
    doors_.watchdog->disarm(std::move(done));
  }
}

}  // namespace pgherd
