#include "agent/agent.h"

#include <algorithm>
#include <utility>

namespace pgherd {
namespace {

// A request of the store is given up after this long: late enough for an etcd election, early
// enough for several attempts within the lease (sim seed 401: with a quarter of the ttl, two lost
// messages cost the leadership).
Duration store_patience(const Settings& settings) {
  return std::clamp<Duration>(settings.ttl / 8, 500ms, settings.retry_timeout);
}

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

constexpr Duration kRestartServedWithin = 60s;

// Why PostgreSQL is down, when the last act on it has failed: whoever asks for a restart is told at
// once, for no rule restarts what does not run, and whether the next attempt goes better is the
// agent's affair. "" when a restart may be waited for.
std::string why_it_does_not_run(const Observation& seen) {
  const ProcessState process = seen.instance.process;
  if (process != ProcessState::Stopped && process != ProcessState::Starting) return {};
  if (!seen.last_act || seen.last_act->outcome == ActOutcome::Done ||
      seen.last_act->outcome == ActOutcome::Cancelled) {
    return {};
  }
  std::string text = "PostgreSQL is not running, and " + std::string(name_of(seen.last_act->step)) +
                     " has failed last";
  if (!seen.last_act->detail.empty()) text += ": " + seen.last_act->detail;
  return text;
}

}  // namespace

Agent::Agent(Identity self, Settings settings) {
  seen_.self = std::move(self);
  seen_.settings = with_overrides(std::move(settings), seen_.self.overrides);
  seen_.store.problem = "not read yet";
}

std::vector<Command> Agent::step(Event event, Instant now, WallTime wall_now) {
  out_.clear();
  seen_.wall_now = wall_now;
  if (rests(event, now)) return std::exchange(out_, {});
  std::visit([&](auto& e) { take(std::move(e), now); }, event);
  think(now);
  return std::exchange(out_, {});
}

bool Agent::leads(Instant now) const {
  if (!last_.is_leader || !seen_.session.leads) return false;
  Settings settings = seen_.settings;
  settings.ttl = seen_.session.ttl;
  return now < leads_since(seen_) + lease_margins(settings).demote_after;
}

// ---- Events

// Compared whole, so that a new member cannot be forgotten here; only the time is put aside.
bool Agent::looks_the_same(InstanceView& view) const {
  if (view.seen_at < seen_.instance.seen_at) return false;
  const Instant seen_at = std::exchange(view.seen_at, seen_.instance.seen_at);
  const bool is_same = view == seen_.instance;
  view.seen_at = seen_at;
  return is_same;
}

// Until `wake_at` the last decision stands, as long as nothing looks different: a sign of life of a
// store that was not thought to be silent changes no rule's mind, and at rest neither does another
// look at an unchanged PostgreSQL.
bool Agent::rests(Event& event, Instant now) {
  if (now >= last_.wake_at) return false;
  const auto* pictured = std::get_if<StorePictured>(&event);
  if (pictured != nullptr && !pictured->cluster && seen_.store.is_reachable) {
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
  if (ended == nullptr || !is_looking || ids_.at(Lane::Observe) != ended->id || !ended->instance ||
      !looks_the_same(*ended->instance)) {
    return false;
  }
  seen_.instance.seen_at = std::as_const(ended->instance)->seen_at;
  seen_.under_way.erase(Lane::Observe);
  ids_.erase(Lane::Observe);
  out_.push_back(WakeAt{.when = next_wake()});
  return true;
}

Instant Agent::next_wake() const {
  if (last_.look_every <= 0ns || seen_.under_way.contains(Lane::Observe)) {
    return last_.wake_at;
  }
  return std::min(last_.wake_at, seen_.instance.seen_at + last_.look_every);
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
  note_sync();
  note_release();
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
  if (seen_.restart_wish) {
    out_.push_back(AnswerRestart{
        .id = event.wish.id, .succeeded = false, .detail = "restart already in progress"});
    return;
  }
  // In maintenance mode nothing but this makes another attempt.
  std::string why = seen_.settings.paused ? std::string() : why_it_does_not_run(seen_);
  if (!why.empty()) {
    out_.push_back(
        AnswerRestart{.id = event.wish.id, .succeeded = false, .detail = std::move(why)});
    return;
  }
  seen_.restart_wish = event.wish;
  restart_asked_at_ = now;
}

// Whatever keeps it from being served (no lease, a store that is silent, a server that somebody else
// stops): it does not fire when nobody thinks of it any more.
void Agent::forget_late_restart(Instant now) {
  if (!seen_.restart_wish || now < restart_asked_at_ + kRestartServedWithin) return;
  const auto act = seen_.under_way.find(Lane::Instance);
  if (act != seen_.under_way.end()) return;  // answered by its end
  out_.push_back(AnswerRestart{
      .id = seen_.restart_wish->id,
      .succeeded = false,
      .detail = "it was not possible within " +
                std::to_string(std::chrono::duration_cast<Seconds>(kRestartServedWithin).count()) +
                " s, and is not tried any more: " + last_.summary});
  seen_.restart_wish.reset();
}

void Agent::take(const LeaveAsked& /*event*/, Instant /*now*/) {
  seen_.is_leaving = true;
}

void Agent::take(const RestartScheduled& event, Instant /*now*/) {
  const bool is_free = !seen_.scheduled_restart;
  if (is_free) seen_.scheduled_restart = event.wish;
  out_.push_back(AnswerWish{.id = event.id,
                            .is_granted = is_free,
                            .detail = is_free ? "" : "Another restart is already scheduled"});
}

void Agent::take(const RestartUnscheduled& event, Instant /*now*/) {
  const bool was_there = seen_.scheduled_restart.has_value();
  seen_.scheduled_restart.reset();
  out_.push_back(AnswerWish{.id = event.id,
                            .is_granted = was_there,
                            .detail = was_there ? "" : "no restarts are scheduled"});
}

void Agent::take(const ReinitializeAsked& event, Instant now) {
  const auto act = seen_.under_way.find(Lane::Instance);
  std::string refusal;
  if (seen_.reinitialize_wish && !event.force) {
    refusal = "reinitialize already in progress";
  } else if (act != seen_.under_way.end() && !event.force) {
    refusal = std::string(name_of(act->second.step)) + " already in progress";
  } else if (!seen_.store.cluster || !seen_.store.cluster->has_leader()) {
    refusal = "Cluster has no leader, can not reinitialize";
  } else if (seen_.store.cluster->is_led_by(seen_.self.name)) {
    refusal = "I am the leader, can not reinitialize";
  } else {
    seen_.reinitialize_wish =
        ReinitializeWish{.from_leader = event.from_leader, .force = event.force, .asked_at = now};
  }
  out_.push_back(
      AnswerWish{.id = event.id, .is_granted = refusal.empty(), .detail = std::move(refusal)});
}

void Agent::take(const FailsafeAsked& event, Instant now) {
  std::string refusal;
  const bool is_accepted = may_promise(seen_, event.ping, refusal);
  if (is_accepted) seen_.failsafe_promise = promise_to(seen_, event.ping, now);
  out_.push_back(
      AnswerWish{.id = event.id, .is_granted = is_accepted, .detail = std::move(refusal)});
}

void Agent::take(StepEnded&& event, Instant now) {
  if (event.instance) take(InstanceSeen{std::move(*event.instance)}, now);
  const auto id = std::find_if(ids_.begin(), ids_.end(),
                               [&](const auto& entry) { return entry.second == event.id; });
  if (id == ids_.end()) return;  // of an earlier life of this lane
  const Lane lane = id->first;
  const UnderWay step = seen_.under_way.at(lane);
  seen_.under_way.erase(lane);
  ids_.erase(id);
  pace_.ended(lane, event.store != StoreOutcome::Applied || event.act != ActOutcome::Done, now);
  switch (lane) {
    case Lane::Lease:
      return lease_ended(event, step);
    case Lane::LeaderKey:
      return leader_key_ended(event, step);
    case Lane::Initialize:
    case Lane::Member:
    case Lane::Status:
    case Lane::History:
    case Lane::FailoverRequest:
    case Lane::Failsafe:
      return written(event, step);
    case Lane::Sync:
      return sync_written(event, step);
    case Lane::FailsafeRound:
      if (!event.failsafe) break;
      seen_.failsafe_round = event.failsafe;
      // Counted from before the first question went out.
      seen_.failsafe_round->asked_at = step.started_at;
      // The guardian is not told of what came after the key was lost.
      if (event.failsafe->is_accepted && seen_.session.leads) {
        seen_.failsafe_confirmed_at = step.started_at;
      }
      break;
    case Lane::Watchdog:
      if (event.watchdog) seen_.watchdog = *event.watchdog;
      break;
    case Lane::Instance:
      return act_ended(event, step, now);
    case Lane::Configuration:
      // A configuration that cannot be written is not tried again until it changes.
      seen_.applied_configuration = std::get<ApplyConfiguration>(step.step).generation;
      break;
    default:
      break;
  }
}

void Agent::lease_ended(const StepEnded& event, const UnderWay& step) {
  Session& session = seen_.session;
  if (event.store == StoreOutcome::LeaseLost) {
    session.lease = {};
    session.leads = false;
    return;
  }
  if (const auto* grant = std::get_if<GrantLease>(&step.step)) {
    if (event.store != StoreOutcome::Applied) return;
    // What hung on the old lease is bound to the new one by the next decisions.
    session.leads = false;
    session.lease = event.lease;
    session.asked_ttl = grant->ttl;
    session.ttl = event.ttl;
    session.renewed_at = step.started_at;
    return;
  }
  if (const auto* renew = std::get_if<RenewLease>(&step.step)) {
    if (renew->lease != session.lease) return;
    if (event.store == StoreOutcome::Refused) {
      // The lease lives, but `/leader` is not mine under it.
      session.renewed_at = step.started_at;
      session.leads = false;
      session.leader_revision = std::max(session.leader_revision, event.revision);
    } else if (event.store == StoreOutcome::Applied) {
      session.renewed_at = step.started_at;
      if (event.ttl > 0ms) session.ttl = event.ttl;
      if (renew->holds_leader_key) {
        session.leads = true;
        session.unanswered_binding = {};
        session.led_at = step.started_at;
        session.led_ttl = session.ttl;
        session.leader_revision = std::max(session.leader_revision, event.revision);
      }
    }
    return;
  }
  // RevokeLease: gone, whatever the answer was; the store forgets it in time by itself.
  session.lease = {};
  session.leads = false;
}

void Agent::leader_key_ended(const StepEnded& event, const UnderWay& step) {
  Session& session = seen_.session;
  if (event.store == StoreOutcome::LeaseLost) {
    session.lease = {};
    session.leads = false;
    return;
  }
  const auto* release = std::get_if<ReleaseLeaderKey>(&step.step);
  if (event.store == StoreOutcome::Unknown) {  // the next picture, or a renewal, tells
    if (release != nullptr && release->seen.value != 0) session.unanswered_release = release->seen;
    return;
  }
  session.leader_revision = std::max(session.leader_revision, event.revision);
  const bool applied = event.store == StoreOutcome::Applied;
  // A refusal says that `/leader` is not as it was: perhaps by an attempt before that nobody has
  // answered, and then the key ends with this lease. The guardian holds to that, too (sim seed
  // 704311).
  if (applied) session.unanswered_binding = {};
  if (applied) session.unanswered_release.reset();
  if (release != nullptr) {
    session.leads = false;
    return;
  }
  session.leads = applied;
  // The transaction proves whose key it is; how long it holds is the lease's last renewal.
  if (!applied) return;
  session.led_at = session.renewed_at;
  session.led_ttl = session.ttl;
}

// Own writes enter the picture at once: what is on its way back through the watch is no news.
void Agent::written(const StepEnded& event, const UnderWay& step) {
  if (event.store == StoreOutcome::LeaseLost) {
    seen_.session.lease = {};
    seen_.session.leads = false;
    return;
  }
  if (lane_of(step.step) == Lane::Initialize && event.store != StoreOutcome::Unknown) {
    seen_.session.initialize_revision = std::max(seen_.session.initialize_revision, event.revision);
  }
  if (event.store != StoreOutcome::Applied || !seen_.store.cluster) return;
  ClusterView& cluster = seen_.store.cluster.edit();
  if (const auto* publish = std::get_if<PublishMember>(&step.step)) {
    Member member = publish->member;
    member.lease = publish->lease;
    member.mod_revision = event.revision;
    cluster.members[member.name] = std::move(member);
  } else if (const auto* status = std::get_if<PublishStatus>(&step.step)) {
    cluster.status = status->status;
  } else if (const auto* history = std::get_if<PublishHistory>(&step.step)) {
    cluster.history = history->rows;
  } else if (const auto* claim = std::get_if<ClaimTimeline>(&step.step)) {
    cluster.claim = TimelineClaim{
        .timeline = claim->timeline, .by = seen_.self.name, .mod_revision = event.revision};
  } else if (const auto* failsafe = std::get_if<PublishFailsafe>(&step.step)) {
    cluster.failsafe = failsafe->members;
  } else if (const auto* clear = std::get_if<ClearFailoverRequest>(&step.step)) {
    if (cluster.failover && cluster.failover->mod_revision == clear->seen) cluster.failover.reset();
  }
}

// What was not answered may yet be carried out: it is remembered until the key is another one.
void Agent::sync_written(const StepEnded& event, const UnderWay& step) {
  if (event.store == StoreOutcome::LeaseLost) {
    seen_.session.lease = {};
    seen_.session.leads = false;
    return;
  }
  const auto* write = std::get_if<WriteSync>(&step.step);
  const Revision over = write != nullptr ? write->seen : std::get<DeleteSync>(step.step).seen;
  if (event.store == StoreOutcome::Unknown) {
    seen_.session.unanswered_sync = over;
  } else if (event.store == StoreOutcome::Applied && seen_.store.cluster) {
    seen_.session.sync_revision = std::max(seen_.session.sync_revision, event.revision);
    auto& sync = seen_.store.cluster->sync;
    sync.reset();
    if (write != nullptr) {
      sync = write->value;
      sync->mod_revision = event.revision;
    }
  }
  note_sync();
}

void Agent::note_sync() {
  if (!seen_.store.cluster || !seen_.session.unanswered_sync) return;
  const auto& sync = std::as_const(seen_.store.cluster)->sync;
  const Revision present = sync ? sync->mod_revision : Revision{};
  if (present != *seen_.session.unanswered_sync) seen_.session.unanswered_sync.reset();
}

void Agent::note_release() {
  if (!seen_.session.unanswered_release) return;
  const auto& leader = std::as_const(seen_.store.cluster)->leader;
  const bool is_same = leader && leader->mod_revision == *seen_.session.unanswered_release;
  if (!is_same) seen_.session.unanswered_release.reset();
}

void Agent::act_ended(const StepEnded& event, const UnderWay& step, Instant now) {
  seen_.last_act = ActEnded{.step = step.step,
                            .outcome = event.act,
                            .detail = event.detail,
                            .ended_at = now,
                            .is_looked_at = event.instance.has_value()};
  const bool done = event.act == ActOutcome::Done;
  if (event.divergence) {
    seen_.divergence = event.divergence;
  } else if (done && std::holds_alternative<Rewind>(step.step)) {
    if (seen_.divergence) seen_.divergence->verdict = Divergence::None;
  } else if (done && !std::holds_alternative<Stop>(step.step) &&
             !std::holds_alternative<Demote>(step.step)) {
    seen_.divergence.reset();
  }
  const auto* clone = std::get_if<CloneFrom>(&step.step);
  if (clone != nullptr && done && seen_.reinitialize_wish &&
      step.started_at >= seen_.reinitialize_wish->asked_at) {
    seen_.reinitialize_wish.reset();
  }
  // One that was stopped, or ended while it was about to be restarted, has been started anew.
  const bool was_started = done && (std::holds_alternative<StartPrimary>(step.step) ||
                                    std::holds_alternative<StartStandby>(step.step));
  if (seen_.restart_wish && (was_started || std::holds_alternative<Restart>(step.step))) {
    out_.push_back(
        AnswerRestart{.id = seen_.restart_wish->id, .succeeded = done, .detail = event.detail});
    seen_.restart_wish.reset();
  } else if (seen_.restart_wish) {
    // It waited for a server that was being started.
    if (std::string why = why_it_does_not_run(seen_); !why.empty()) {
      out_.push_back(AnswerRestart{
          .id = seen_.restart_wish->id, .succeeded = false, .detail = std::move(why)});
      seen_.restart_wish.reset();
    }
  }
}

// ---- Commands

void Agent::think(Instant now) {
  forget_late_restart(now);
  const Decision before = std::move(last_);
  seen_.resting = pace_.resting(now);
  seen_.run_away = pace_.run_away(now);
  last_ = decide(seen_, before.memory, now);
  started_something_ = false;
  // The guardian knows before PostgreSQL can open.
  order_fence();
  const auto said_at = out_.size();
  for (const Step& planned : last_.plan) {
    if (is_free_for(planned)) start(planned, now);
  }
  if (must_tell(before)) {  // before it is done
    out_.insert(out_.begin() + static_cast<std::ptrdiff_t>(said_at),
                Tell{.reasons = last_.reasons});
  }
  out_.push_back(WakeAt{.when = next_wake()});
}

bool Agent::is_free_for(const Step& step) const {
  const Lane lane = lane_of(step);
  if (lane == Lane::Control) return true;
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
    return seen_.reinitialize_wish.reset();
  }
  const Lane lane = lane_of(step);
  const StepId id = next_id_++;
  if (lane == Lane::Lease) seen_.session.tried_at = now;
  pace_.started(lane, now);
  if (lane != Lane::Control) {
    seen_.under_way[lane] = UnderWay{.step = step, .started_at = now};
    ids_[lane] = id;
  }
  if (std::holds_alternative<RebindLeaderKey>(step) && !may_be_bound_unknown(seen_.session)) {
    seen_.session.unanswered_binding = seen_.session.lease;
    seen_.session.unanswered_binding_since = leads_since(seen_);
  }
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

// Armed whenever PostgreSQL is, or is about to be, open for writes under a confirmed lease. An
// order stands until PostgreSQL is known to be closed: when leadership is lost the last instant
// remains. In maintenance mode nobody is held to a lease, and after it a first renewal gets its
// time.
void Agent::order_fence() {
  if (seen_.settings.paused) {
    if (fence_is_set_ && !fence_) return;
    fence_.reset();
    fence_is_set_ = true;
    out_.push_back(DisarmFence{});
    return;
  }
  const auto act = seen_.under_way.find(Lane::Instance);
  const bool is_opening = act != seen_.under_way.end() && may_open_for_writes(act->second.step);
  const bool will_open = std::any_of(last_.plan.begin(), last_.plan.end(), may_open_for_writes);
  const bool is_open = seen_.instance.is_running_primary();
  const bool is_unknown =
      seen_.instance.process == ProcessState::Unknown ||
      (seen_.instance.process != ProcessState::Stopped && !seen_.instance.in_recovery.has_value());
  if (is_open || is_opening || will_open) {
    // A cluster that is being made has no leader key yet; its claim hangs on the same lease.
    const auto* act_step = seen_.under_way_as<Bootstrap>(Lane::Instance);
    const bool is_making = act_step != nullptr || last_.memory.bootstrap_is_unconfirmed ||
                           std::any_of(last_.plan.begin(), last_.plan.end(), [](const Step& step) {
                             return std::holds_alternative<Bootstrap>(step);
                           });
    // Bound to another lease, the key ends with that one, perhaps before anybody knows of the
    // binding: the guardian must know first (sim seed 1575).
    const auto is_rebind = [](const Step& step) {
      return std::holds_alternative<RebindLeaderKey>(step);
    };
    const bool is_rebinding = seen_.under_way_as<RebindLeaderKey>(Lane::LeaderKey) != nullptr ||
                              may_be_bound_unknown(seen_.session) ||
                              std::any_of(last_.plan.begin(), last_.plan.end(), is_rebind);
    if (!(seen_.session.leads || is_making || is_rebinding)) return;
    Settings settings = seen_.settings;
    settings.ttl = seen_.session.ttl;
    const Instant since = std::max(leads_since(seen_), last_.memory.resumed_at.value_or(Instant{}));
    const ArmFence order{
        .at = since + lease_margins(settings).fence_after,
        // The act brings a postmaster that nobody has seen yet.
        .postmaster_pid = is_opening || will_open ? 0 : seen_.instance.postmaster_pid,
        .earlier_stands = !seen_.session.leads && !is_making};
    if (fence_ == order) return;
    fence_ = order;
    fence_is_set_ = true;
    out_.push_back(order);
    return;
  }
  if (is_unknown) return extend_fence();
  if (fence_is_set_ && !fence_) return;
  fence_.reset();
  fence_is_set_ = true;
  out_.push_back(DisarmFence{});
}

// A shutdown may take longer than the lease that was confirmed last; while it is confirmed anew,
// nobody waits for its end.
void Agent::extend_fence() {
  if (!fence_ || !seen_.session.leads) return;
  Settings settings = seen_.settings;
  settings.ttl = seen_.session.ttl;
  const Instant at = leads_since(seen_) + lease_margins(settings).fence_after;
  if (at <= fence_->at) return;
  fence_->at = at;
  fence_->earlier_stands = false;
  out_.push_back(*fence_);
}

bool Agent::must_tell(const Decision& before) const {
  const bool is_new = last_.summary != before.summary || last_.reasons != before.reasons;
  if (!started_something_ && !is_new) return false;
  return !last_.reasons.empty() || last_.summary != before.summary;
}

}  // namespace pgherd
