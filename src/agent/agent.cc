#include "agent/agent.h"

#include <algorithm>
#include <type_traits>
#include <utility>

#include "agent/store_answers.h"

namespace pgherd {
namespace {

// What happens all the time and is worth no line in the log.
bool is_routine(const Step& step) {
  switch (lane_of(step)) {
    case Lane::Lease:
    case Lane::Member:
    case Lane::Status:
    case Lane::Peers:
    case Lane::Slots:
    case Lane::Observe:
    case Lane::FailsafeRound:
    case Lane::Watchdog:
      return true;
    default:
      return false;
  }
}

// By another rule it is no other order.
bool is_same_order(FenceOrder left, const FenceOrder& right) {
  left.rule = right.rule;
  return left == right;
}

}  // namespace

Agent::Agent(Identity self, Settings settings) {
  seen_.self = std::move(self);
  seen_.settings = with_overrides(std::move(settings), seen_.self.overrides);
  seen_.store.problem = "not read yet";
}

std::vector<Command> Agent::step(Event event, Instant now, WallTime wall_now) {
  out_.clear();
  const bool has_jumped = wall_clock_jumps(now, wall_now);
  last_event_at_ = now;
  seen_.wall_now = wall_now;
  has_rested_ = !has_jumped && rests(event, now);
  if (has_rested_) return std::exchange(out_, {});
  std::visit([&](auto& e) { take(std::move(e), now); }, event);
  think(now);
  return std::exchange(out_, {});
}

bool Agent::leads(Instant now) const {
  if (!shows_as_leader_) return false;
  // Nobody takes a leader's place in maintenance mode but by an operator's word, and that is seen.
  if (seen_.settings.paused && seen_.instance.is_running_primary()) return true;
  const LeaseSession& session = seen_.session;
  Instant confirmed;
  if (session.leads || session.exchanged.exists()) confirmed = session.led_at.value_or(confirmed);
  if (seen_.settings.failsafe_mode && seen_.failsafe_confirmed_at)
    confirmed = std::max(confirmed, *seen_.failsafe_confirmed_at);
  return now < confirmed + lease_margins(seen_.settings, session.led_ttl).demote_after;
}

// A proxy that hears otherwise once cuts all connections. So a leader that stays open is one for
// all who ask also while its lease is exchanged for one of another length; and when the store, away
// for longer than the lease, has forgotten that, until it has its key again: all members had
// accepted this leader and do not take its place (E15), or it is maintenance mode.
void Agent::note_leading() {
  const bool is_primary = seen_.instance.is_running_primary();
  if (last_.is_leader && seen_.session.leads) {
    shows_as_leader_ = true;
    led_as_primary_ = is_primary;
    return;
  }
  const bool is_open = is_primary || seen_.settings.standby_cluster.has_value();
  const auto& cluster = std::as_const(seen_.store.cluster);
  const bool is_anothers = cluster && cluster->leader && cluster->leader->name != seen_.self.name;
  const bool is_given_back = seen_.session.unanswered_release ||
                             seen_.under_way_as<ReleaseLeaderKey>(Lane::LeaderKey) != nullptr ||
                             last_.memory.stepping_down.state != SteppingDown::No;
  shows_as_leader_ = shows_as_leader_ && is_open && is_primary == led_as_primary_ && !is_anothers &&
                     !is_given_back;
}

// ---- Events

bool Agent::wall_clock_jumps(Instant now, WallTime wall_now) const {
  constexpr Duration kDrift = 500ms;
  const Duration passed =
      std::chrono::microseconds(wall_now.microseconds - seen_.wall_now.microseconds);
  const Duration difference = passed - (now - last_event_at_);
  return difference > kDrift || difference < -kDrift;
}

// Compared whole, so that a new member cannot be forgotten here; only the time is put aside.
bool Agent::looks_the_same(InstanceView& view) const {
  if (view.seen_at < seen_.instance.seen_at) return false;
  const Instant seen_at = std::exchange(view.seen_at, seen_.instance.seen_at);
  const bool is_same = view == seen_.instance;
  view.seen_at = seen_at;
  return is_same;
}

// Until `wake_at`, which every rule that asked for the time has brought forward as far as it needs
// (Draft::has_come), the last decision stands as long as nothing looks different: a sign of life of
// a store that was not thought to be silent changes no rule's mind, unless one waits for it, and at
// rest neither does another look at an unchanged PostgreSQL. The simulator holds it to that
// (sim/rest_check.h).
bool Agent::rests(Event& event, Instant now) {
  if (now >= last_.wake_at) return false;
  const auto* pictured = std::get_if<StorePictured>(&event);
  if (pictured != nullptr && !pictured->cluster && seen_.store.is_reachable) {
    if (last_.awaits_store) return false;
    seen_.store.confirmed_at = now;
    return true;
  }
  if (last_.look_every <= 0ns) return false;
  const bool is_looking = seen_.under_way.contains(Lane::Observe);
  if (std::holds_alternative<TimeCame>(event) && !is_looking) {
    if (now < seen_.instance.seen_at + last_.look_every) return false;
    start(ObserveInstance{}, now);
    out_.push_back(WakeAt{.when = last_.wake_at});
    return true;
  }
  auto* ended = std::get_if<StepEnded>(&event);
  auto* look = ended == nullptr ? nullptr : std::get_if<Looked>(&ended->outcome);
  if (look == nullptr || !is_looking || ids_.at(Lane::Observe) != ended->id || !look->view ||
      !looks_the_same(look->view.edit())) {
    return false;
  }
  seen_.instance.seen_at = std::as_const(look->view)->seen_at;
  seen_.under_way.erase(Lane::Observe);
  ids_.erase(Lane::Observe);
  out_.push_back(WakeAt{.when = next_wake(now)});
  return true;
}

// Never at once: a rule that asks for an instant that is over must not keep the processor busy.
Instant Agent::next_wake(Instant now) const {
  constexpr Duration kShortestRest = 1ms;
  const bool looks_by_itself = last_.look_every > 0ns && !seen_.under_way.contains(Lane::Observe);
  const Instant wanted = looks_by_itself
                             ? std::min(last_.wake_at, seen_.instance.seen_at + last_.look_every)
                             : last_.wake_at;
  return std::max(wanted, now + kShortestRest);
}

void Agent::take(StorePictured&& event, Instant now) {
  seen_.store.is_reachable = true;
  seen_.store.problem.clear();
  seen_.store.confirmed_at = now;
  if (!event.cluster) return;
  const bool is_behind = std::as_const(event.cluster)->revision < seen_.session.sync_revision;
  auto own_sync = seen_.store.cluster ? std::as_const(seen_.store.cluster)->sync : std::nullopt;
  seen_.store.cluster = std::move(event.cluster);
  if (is_behind) seen_.store.cluster->sync = std::move(own_sync);
  forget_answered_by_picture(seen_);
  const ClusterView& cluster = *std::as_const(seen_.store.cluster);
  if (!cluster.config) return;
  const bool was_paused = seen_.settings.paused;
  seen_.settings = with_overrides(cluster.config->settings, seen_.self.overrides);
  // Histories may have been mended, or broken, by hand.
  if (was_paused && !seen_.settings.paused) seen_.divergence.reset();
}

void Agent::take(const StoreSilent& event, Instant /*now*/) {
  seen_.store.is_reachable = false;
  seen_.store.problem = event.problem;
}

void Agent::take(InstanceSeen&& event, Instant /*now*/) {
  if (event.view.seen_at < seen_.instance.seen_at) return;  // overtaken by a newer look
  seen_.instance = std::move(event.view);
  if (seen_.instance.process == ProcessState::Stopped) seen_.applied_configuration.clear();
}

void Agent::take(const PeerAnswered& event, Instant /*now*/) {
  seen_.peers[event.name] = event.view;
}

void Agent::take(const TimeCame& /*event*/, Instant /*now*/) {}

void Agent::take(const SettingsRead& event, Instant /*now*/) {
  seen_.self = event.self;
  const auto& cluster = std::as_const(seen_.store.cluster);
  const bool has_config = cluster && cluster->config;
  seen_.settings =
      with_overrides(has_config ? cluster->config->settings : event.settings, seen_.self.overrides);
}

void Agent::take(const RestartAsked& event, Instant now) {
  Admission admission = admit_restart(seen_);
  if (!admission.is_granted) return answer(event.request.id, std::move(admission));
  seen_.restart_request = event.request;
  seen_.restart_request->asked_at = now;
}

void Agent::take(const LeaveAsked& /*event*/, Instant /*now*/) {
  seen_.is_leaving = true;
}

void Agent::take(const RestartScheduled& event, Instant /*now*/) {
  Admission admission = admit_scheduled_restart(seen_);
  if (admission.is_granted) seen_.scheduled_restart = event.request;
  answer(event.id, std::move(admission));
}

void Agent::take(const RestartUnscheduled& event, Instant /*now*/) {
  Admission admission = admit_unscheduling(seen_);
  seen_.scheduled_restart.reset();
  answer(event.id, std::move(admission));
}

void Agent::take(const ReinitializeAsked& event, Instant now) {
  Admission admission = admit_reinitialize(seen_, event.force);
  if (admission.is_granted) {
    seen_.reinitialize_request = ReinitializeRequest{
        .from_leader = event.from_leader, .force = event.force, .asked_at = now};
  }
  answer(event.id, std::move(admission));
}

void Agent::take(const FailsafeAsked& event, Instant now) {
  Admission admission = admit_failsafe(seen_, event.ping);
  if (admission.is_granted) seen_.failsafe_promise = promise_to(seen_, event.ping, now);
  answer(event.id, std::move(admission));
}

void Agent::take(StepEnded&& event, Instant now) {
  if (auto* act = std::get_if<ActEnd>(&event.outcome); act != nullptr && act->seen_after) {
    take(InstanceSeen{std::move(*act->seen_after)}, now);
  } else if (auto* look = std::get_if<Looked>(&event.outcome); look != nullptr && look->view) {
    take(InstanceSeen{std::move(*look->view)}, now);
  }
  const auto id = std::find_if(ids_.begin(), ids_.end(),
                               [&](const auto& entry) { return entry.second == event.id; });
  if (id == ids_.end()) return;  // of an earlier life of this lane
  const Lane lane = id->first;
  const UnderWay under_way = seen_.under_way.at(lane);
  seen_.under_way.erase(lane);
  ids_.erase(id);
  pace_.ended(lane, has_failed(event.outcome), now);
  const auto* answer = std::get_if<StoreAnswer>(&event.outcome);
  if (lane == Lane::LeaderKey && answer != nullptr && answer->outcome != StoreOutcome::Unknown)
    seen_.session.key_answered_at = now;
  std::visit(
      [&](const auto& step) {
        using Outcome = typename std::remove_cvref_t<decltype(step)>::Outcome;
        if (const auto* outcome = std::get_if<Outcome>(&event.outcome)) {
          note_end(step, *outcome, under_way, now);
        }
      },
      under_way.step);
}

template <typename S>
void Agent::note_end(const S& step, const LeaseAnswer& answer, const UnderWay& under_way,
                     Instant /*now*/) {
  note_answer(seen_, step, answer, under_way.started_at);
  // The lease lives, and the key does not hang on it: that is another's, or somebody has deleted
  // it.
  if (answer.outcome == StoreOutcome::Refused) shows_as_leader_ = seen_.session.leads;
}

template <typename S>
void Agent::note_end(const S& step, const StoreAnswer& answer, const UnderWay& /*under_way*/,
                     Instant /*now*/) {
  note_answer(seen_, step, answer);
}

template <typename S>
void Agent::note_end(const S& step, const ActEnd& end, const UnderWay& under_way, Instant now) {
  if constexpr (S::kLane == Lane::Instance) {
    act_ended(end, under_way, now);
  } else if constexpr (std::is_same_v<S, ApplyConfiguration>) {
    // A configuration that cannot be written is not tried again until it changes.
    seen_.applied_configuration = step.generation;
  }
}

void Agent::note_end(const AskFailsafe& /*step*/, const FailsafeAnswer& answer,
                     const UnderWay& under_way, Instant /*now*/) {
  seen_.failsafe_round = answer.round;
  // Counted from before the first question went out.
  seen_.failsafe_round->asked_at = under_way.started_at;
  // The guardian is not told of what came after the key was lost.
  if (answer.round.is_accepted && seen_.session.leads) {
    seen_.failsafe_confirmed_at = under_way.started_at;
  }
}

template <typename S>
void Agent::note_end(const S& /*step*/, const WatchdogAnswer& answer, const UnderWay& /*under_way*/,
                     Instant /*now*/) {
  seen_.watchdog = answer.view;
}

void Agent::answer(std::uint64_t id, Admission admission) {
  out_.push_back(AnswerRequest{.id = id,
                               .is_granted = admission.is_granted,
                               .detail = std::move(admission.detail),
                               .rule = admission.rule});
}

void Agent::answer_restart(Admission ended) {
  answer(seen_.restart_request->id, std::move(ended));
  seen_.restart_request.reset();
}

void Agent::act_ended(const ActEnd& end, const UnderWay& step, Instant now) {
  seen_.last_act = ActEnded{.step = step.step,
                            .outcome = end.outcome,
                            .detail = end.detail,
                            .ended_at = now,
                            .is_looked_at = end.seen_after.has_value()};
  const bool done = end.outcome == ActOutcome::Done;
  if (end.divergence) {
    seen_.divergence = end.divergence;
  } else if (done && std::holds_alternative<Rewind>(step.step)) {
    if (seen_.divergence) seen_.divergence->verdict = Divergence::None;
  } else if (done && !std::holds_alternative<Stop>(step.step) &&
             !std::holds_alternative<Demote>(step.step)) {
    seen_.divergence.reset();
  }
  const auto* clone = std::get_if<CloneFrom>(&step.step);
  if (clone != nullptr && done && seen_.reinitialize_request &&
      step.started_at >= seen_.reinitialize_request->asked_at) {
    seen_.reinitialize_request.reset();
  }
  // One that was stopped, or ended while it was about to be restarted, has been started anew.
  const bool was_started = done && (std::holds_alternative<StartPrimary>(step.step) ||
                                    std::holds_alternative<StartStandby>(step.step));
  if (!seen_.restart_request) return;
  if (was_started || std::holds_alternative<Restart>(step.step)) {
    answer_restart({.is_granted = done, .detail = end.detail, .rule = {}});
  } else if (auto ended = end_restart_of_failed_start(seen_)) {
    answer_restart(std::move(*ended));
  }
}

// ---- Commands

// What has just begun belongs to the picture: what this node says of itself changes with it, say.
// A decision that begins something again and again waits for the next event.
void Agent::think(Instant now) {
  constexpr int kMostRounds = 3;
  asked_now_.clear();
  started_something_ = true;
  for (int round = 0; round < kMostRounds && started_something_; ++round)
    conclude(now);
}

void Agent::conclude(Instant now) {
  if (auto ended = end_waiting_restart(seen_, now, last_.summary)) {
    answer_restart(std::move(*ended));
  }
  const Decision before = std::move(last_);
  seen_.resting = pace_.resting(now);
  seen_.run_away = pace_.run_away(now);
  last_ = decide(seen_, before.memory, now);
  note_leading();
  started_something_ = false;
  // The guardian knows before PostgreSQL can open.
  if (!is_same_order(last_.fence, before.fence)) out_.push_back(OrderFence{.order = last_.fence});
  const auto said_at = out_.size();
  for (const Step& planned : last_.plan) {
    if (is_free_for(planned)) start(planned, now);
  }
  if (must_tell()) {  // before it is done
    out_.insert(out_.begin() + static_cast<std::ptrdiff_t>(said_at),
                Tell{.summary = last_.summary, .reasons = last_.reasons});
  }
  out_.push_back(WakeAt{.when = next_wake(now)});
}

bool Agent::is_free_for(const Step& step) const {
  const Lane lane = lane_of(step);
  if (lane == Lane::Control) {
    return std::find(asked_now_.begin(), asked_now_.end(), step) == asked_now_.end();
  }
  if (seen_.under_way.contains(lane)) return false;
  // What closes PostgreSQL never waits; an operator's restart is planned once.
  const bool may_wait = !std::holds_alternative<Demote>(step) &&
                        !std::holds_alternative<Stop>(step) &&
                        !std::holds_alternative<Restart>(step);
  return !(may_wait && seen_.resting.contains(lane));
}

void Agent::start(const Step& step, Instant now) {
  // What only this machine holds is let go of here.
  if (std::holds_alternative<DropScheduledRestart>(step)) {
    started_something_ = true;
    return seen_.scheduled_restart.reset();
  }
  if (std::holds_alternative<DropReinitialize>(step)) {
    started_something_ = true;
    return seen_.reinitialize_request.reset();
  }
  const Lane lane = lane_of(step);
  const StepId id = next_id_++;
  if (lane == Lane::Lease) seen_.session.tried_at = now;
  pace_.started(lane, now);
  if (lane == Lane::Control) {
    asked_now_.push_back(step);
  } else {
    seen_.under_way.insert_or_assign(lane, UnderWay{.step = step, .started_at = now});
    ids_[lane] = id;
  }
  if (std::holds_alternative<RebindLeaderKey>(step)) note_binding_asked(seen_);
  if (!is_routine(step)) started_something_ = true;
  // An act that writes the configuration and starts the server leaves nothing to apply.
  if (std::holds_alternative<StartPrimary>(step) || std::holds_alternative<StartStandby>(step) ||
      std::holds_alternative<Restart>(step) || std::holds_alternative<Bootstrap>(step)) {
    seen_.applied_configuration = seen_.self.configuration;
  }
  const bool is_act = lane == Lane::Instance;
  out_.push_back(StartStep{
      .id = id,
      .step = step,
      .deadline = is_act ? Instant::never() : now + store_patience(seen_.settings),
  });
}

// Compared with what was told last, not with the last decision: while an act is under way there is
// often nothing to say, and what is said after it is no news.
bool Agent::must_tell() {
  const bool has_news = !last_.summary.empty() && last_.summary != told_.summary;
  const bool has_reasons =
      !last_.reasons.empty() && (started_something_ || last_.reasons != told_.reasons);
  if (!has_news && !has_reasons) return false;
  if (!last_.summary.empty()) told_.summary = last_.summary;
  told_.reasons = last_.reasons;
  return true;
}

}  // namespace pgherd
