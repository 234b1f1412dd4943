#include "agent/agent.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>

#include "agent/lane_pace.h"

namespace pgherd::test {
namespace {

Instant at(Duration since_start) {
  return Instant::from_nanoseconds(1'000'000'000'000) + since_start;
}

Settings settings() {
  Settings made;
  made.ttl = 10s;
  made.loop_wait = 2s;
  return made;
}

bool is_fence(const Command& command, FenceOrder::Kind kind) {
  const auto* fence = std::get_if<OrderFence>(&command);
  return fence != nullptr && fence->order.kind == kind;
}

// Drives one agent by hand: time, answers to its steps, views.
class Bench {
 public:
  Bench() : agent_(identity(), settings()) {}

  static Identity identity() {
    Identity self;
    self.name = "a";
    self.conn_url = "postgres://10.0.0.1:5432/postgres";
    self.api_url = "http://10.0.0.1:8008/patroni";
    self.version = "4.1.4";
    return self;
  }

  std::vector<Command> give(const Event& event) {
    commands = agent_.step(event, now, WallTime{});
    for (const Command& command : commands) {
      if (const auto* start = std::get_if<StartStep>(&command)) open.push_back(*start);
    }
    return commands;
  }

  template <typename S>
  std::optional<StartStep> started() const {
    for (const StartStep& step : open) {
      if (std::holds_alternative<S>(step.step)) return step;
    }
    return std::nullopt;
  }

  template <typename O>
  static Outcome outcome_for(StoreOutcome store, Revision revision, ActOutcome act) {
    if constexpr (std::is_same_v<O, LeaseAnswer>) {
      return LeaseAnswer{.outcome = store, .revision = revision, .lease = LeaseId{7}, .ttl = 10s};
    } else if constexpr (std::is_same_v<O, StoreAnswer>) {
      return StoreAnswer{.outcome = store, .revision = revision};
    } else if constexpr (std::is_same_v<O, ActEnd>) {
      return ActEnd{.outcome = act};
    } else {
      return O{};
    }
  }

  // The first open step of this kind ends.
  template <typename S>
  void end(StoreOutcome outcome, Revision revision = {}, ActOutcome act = ActOutcome::Done) {
    const auto found = std::find_if(open.begin(), open.end(), [](const StartStep& step) {
      return std::holds_alternative<S>(step.step);
    });
    ASSERT_NE(found, open.end()) << "nothing of this kind is under way";
    StepEnded event{.id = found->id,
                    .outcome = outcome_for<typename S::Outcome>(outcome, revision, act)};
    open.erase(found);
    give(event);
  }

  static ClusterView cluster(std::optional<NodeName> leader, std::int64_t revision = 100) {
    ClusterView view;
    view.revision = Revision{revision};
    view.initialize =
        InitializeKey{.value = "7391442209411208193", .mod_revision = {1}, .lease = {}};
    view.config = ConfigKey{.json = "{}", .settings = settings(), .mod_revision = {2}};
    if (leader) {
      view.leader = LeaderKey{.name = *leader,
                              .lease = *leader == "a" ? LeaseId{7} : LeaseId{9},
                              .create_revision = {50},
                              .mod_revision = {50}};
    }
    return view;
  }

  InstanceView standby() const {
    InstanceView view;
    view.seen_at = now;
    view.data_directory = DataDirectory::Valid;
    view.control = ControlData{};
    view.control->system_id = "7391442209411208193";
    view.control->timeline = Timeline{1};
    view.process = ProcessState::Running;
    view.postmaster_pid = 4711;
    view.in_recovery = true;
    view.has_standby_signal = true;
    view.timeline = Timeline{1};
    view.received = Lsn{1000};
    return view;
  }
  InstanceView primary() const {
    InstanceView view = standby();
    view.in_recovery = false;
    view.has_standby_signal = false;
    view.flushed = Lsn{1000};
    return view;
  }

  // A standby of a cluster of which it is the only member, with a lease, right after the leader
  // went.
  void lead_alone() {
    give(TimeCame{});
    end<GrantLease>(StoreOutcome::Applied);
    give(InstanceSeen{standby()});
    give(StorePictured{cluster(std::nullopt)});
    now = now + 1ms;
    give(InstanceSeen{standby()});
    end<AcquireLeaderKey>(StoreOutcome::Applied, Revision{101});
    end<ClaimTimeline>(StoreOutcome::Applied, Revision{102});
  }

  Agent& agent() { return agent_; }
  Instant now = at(0s);
  std::vector<Command> commands;
  std::vector<StartStep> open;

 private:
  Agent agent_;
};

TEST(Agent, AsksForALeaseFirstAndOnlyOnce) {
  Bench bench;
  bench.give(TimeCame{});
  ASSERT_TRUE(bench.started<GrantLease>());
  const std::size_t before = bench.open.size();
  bench.give(TimeCame{});
  EXPECT_EQ(bench.open.size(), before) << "a busy lane takes no second step";
}

TEST(Agent, AlwaysSaysWhenItWantsToThinkAgain) {
  Bench bench;
  const auto commands = bench.give(TimeCame{});
  ASSERT_FALSE(commands.empty());
  const auto* wake = std::get_if<WakeAt>(&commands.back());
  ASSERT_NE(wake, nullptr);
  EXPECT_GE(wake->when, bench.now);
  EXPECT_LE(wake->when, bench.now + 2s);
}

TEST(Agent, ArmsTheGuardianBeforeItPromotes) {
  Bench bench;
  bench.lead_alone();
  ASSERT_TRUE(bench.started<Promote>());
  const auto is_arm = [](const Command& c) { return is_fence(c, FenceOrder::Kind::Armed); };
  const auto is_promote = [](const Command& c) {
    const auto* start = std::get_if<StartStep>(&c);
    return start != nullptr && std::holds_alternative<Promote>(start->step);
  };
  const auto arm = std::find_if(bench.commands.begin(), bench.commands.end(), is_arm);
  const auto promote = std::find_if(bench.commands.begin(), bench.commands.end(), is_promote);
  ASSERT_NE(arm, bench.commands.end());
  EXPECT_LT(arm - bench.commands.begin(), promote - bench.commands.begin());
  EXPECT_LT(std::get<OrderFence>(*arm).order.at, at(10s)) << "before the lease can end";
}

TEST(Agent, CountsTheLeaseFromTheSendingOfTheRequest) {
  Bench bench;
  bench.give(TimeCame{});
  bench.now = bench.now + 4s;  // the answer took that long
  bench.end<GrantLease>(StoreOutcome::Applied);
  EXPECT_EQ(bench.agent().picture().session.renewed_at, at(0s));
}

TEST(Agent, TakesAnUnknownOutcomeForNeitherSuccessNorFailure) {
  Bench bench;
  bench.give(TimeCame{});
  bench.end<GrantLease>(StoreOutcome::Applied);
  bench.give(StorePictured{Bench::cluster(std::nullopt)});
  bench.now = bench.now + 1ms;
  bench.give(InstanceSeen{bench.standby()});
  bench.end<AcquireLeaderKey>(StoreOutcome::Unknown);
  EXPECT_FALSE(bench.started<Promote>());
  // The picture shows that it was applied; a renewal with confirmation settles it.
  bench.now = bench.now + 1s;
  bench.give(StorePictured{Bench::cluster("a", 102)});
  ASSERT_TRUE(bench.started<RenewLease>());
  EXPECT_TRUE(std::get<RenewLease>(bench.started<RenewLease>()->step).holds_leader_key);
  bench.end<RenewLease>(StoreOutcome::Applied, Revision{102});
  bench.end<ClaimTimeline>(StoreOutcome::Applied, Revision{103});
  EXPECT_TRUE(bench.started<Promote>());
}

TEST(Agent, StopsLeadingAtOnceWhenTheStoreDeniesTheKey) {
  Bench bench;
  bench.lead_alone();
  bench.give(InstanceSeen{bench.primary()});
  bench.end<Promote>(StoreOutcome::Applied);
  EXPECT_TRUE(bench.agent().leads(bench.now));
  bench.now = bench.now + 3s;
  bench.give(TimeCame{});
  bench.end<RenewLease>(StoreOutcome::Refused, Revision{120});
  EXPECT_FALSE(bench.agent().leads(bench.now));
}

TEST(Agent, ShowsNoLeadershipOnceTheLeaseHasAgedTooFar) {
  Bench bench;
  bench.lead_alone();
  EXPECT_TRUE(bench.agent().leads(bench.now));
  EXPECT_FALSE(bench.agent().leads(bench.now + 9s)) << "also when nobody has told the agent yet";
}

TEST(Agent, KeepsTheGuardianArmedWhenLeadershipIsLostAndPostgresRuns) {
  Bench bench;
  bench.lead_alone();
  bench.give(InstanceSeen{bench.primary()});
  bench.now = bench.now + 3s;
  bench.give(TimeCame{});
  bench.end<RenewLease>(StoreOutcome::LeaseLost);
  for (const Command& command : bench.commands) {
    EXPECT_FALSE(is_fence(command, FenceOrder::Kind::Disarmed));
  }
}

TEST(Agent, DisarmsTheGuardianWhenPostgresIsAStandby) {
  Bench bench;
  bench.give(StorePictured{Bench::cluster("b")});
  bench.give(InstanceSeen{bench.standby()});
  const bool disarmed =
      std::any_of(bench.commands.begin(), bench.commands.end(),
                  [](const Command& c) { return is_fence(c, FenceOrder::Kind::Disarmed); });
  EXPECT_TRUE(disarmed);
}

TEST(Agent, AnswersARestartWhenItHasEnded) {
  Bench bench;
  bench.lead_alone();
  bench.give(InstanceSeen{bench.primary()});
  bench.end<Promote>(StoreOutcome::Applied);
  bench.give(RestartAsked{.request = {.id = 5, .timeout = {}}});
  ASSERT_TRUE(bench.started<Restart>());
  bench.give(RestartAsked{.request = {.id = 6, .timeout = {}}});
  const auto* refused = std::get_if<AnswerRequest>(&bench.commands.front());
  ASSERT_NE(refused, nullptr) << "one restart at a time";
  EXPECT_EQ(refused->id, 6U);
  EXPECT_FALSE(refused->is_granted);
  bench.end<Restart>(StoreOutcome::Applied, {}, ActOutcome::Failed);
  const auto* answer = std::get_if<AnswerRequest>(&bench.commands.front());
  ASSERT_NE(answer, nullptr);
  EXPECT_EQ(answer->id, 5U);
  EXPECT_FALSE(answer->is_granted);
}

TEST(Agent, TellsAtOnceThatAServerThatIsToBeRestartedDoesNotStart) {
  Bench bench;
  InstanceView stopped = bench.standby();
  stopped.process = ProcessState::Stopped;
  stopped.in_recovery.reset();
  stopped.control->state = ControlState::ShutDownInRecovery;
  bench.give(StorePictured{Bench::cluster("b")});
  bench.give(InstanceSeen{stopped});
  ASSERT_TRUE(bench.started<StartStandby>());
  // Whoever asks while it is being started waits for that, and no longer.
  bench.give(RestartAsked{.request = {.id = 5, .timeout = {}}});
  bench.end<StartStandby>(StoreOutcome::Applied, {}, ActOutcome::Failed);
  const auto* waited = std::get_if<AnswerRequest>(&bench.commands.front());
  ASSERT_NE(waited, nullptr);
  EXPECT_EQ(waited->id, 5U);
  EXPECT_FALSE(waited->is_granted);
  bench.give(RestartAsked{.request = {.id = 6, .timeout = {}}});
  const auto* answer = std::get_if<AnswerRequest>(&bench.commands.front());
  ASSERT_NE(answer, nullptr);
  EXPECT_EQ(answer->id, 6U);
  EXPECT_EQ(answer->detail, "PostgreSQL is not running, and StartStandby has failed last");
  EXPECT_FALSE(bench.agent().picture().restart_request) << "nor is it remembered";
}

TEST(Agent, AnswersARestartThatNothingServesAndForgetsIt) {
  Bench bench;
  InstanceView stopping = bench.standby();
  stopping.process = ProcessState::Stopping;  // somebody else's doing, and it hangs
  bench.give(StorePictured{Bench::cluster("b")});
  bench.give(InstanceSeen{stopping});
  bench.give(RestartAsked{.request = {.id = 5, .timeout = {}}});
  const auto is_answered = [&] {
    return std::any_of(bench.commands.begin(), bench.commands.end(), [](const Command& command) {
      const auto* answer = std::get_if<AnswerRequest>(&command);
      return answer != nullptr && answer->id == 5 && !answer->is_granted;
    });
  };
  bench.now = bench.now + 59s;
  bench.give(TimeCame{});
  EXPECT_FALSE(is_answered());
  bench.now = bench.now + 2s;
  bench.give(TimeCame{});
  EXPECT_TRUE(is_answered());
  EXPECT_FALSE(bench.agent().picture().restart_request);
}

// A schedule of the simulator stood still there: woken at an instant that was over, again and
// again.
TEST(Agent, IsNotBusyDuringARestartThatTakesLongerThanOneMayWait) {
  Bench bench;
  bench.give(StorePictured{Bench::cluster("b")});
  bench.give(InstanceSeen{bench.standby()});
  bench.give(RestartAsked{.request = {.id = 5, .timeout = {}}});
  ASSERT_TRUE(bench.started<Restart>());
  bench.now = bench.now + 61s;
  bench.give(TimeCame{});
  const auto* wake = std::get_if<WakeAt>(&bench.commands.back());
  ASSERT_NE(wake, nullptr);
  EXPECT_GT(wake->when, bench.now + 50ms);
}

TEST(Agent, AnswersARestartOfAServerThatItHasStarted) {
  Bench bench;
  InstanceView stopped = bench.standby();
  stopped.process = ProcessState::Stopped;
  stopped.in_recovery.reset();
  stopped.control->state = ControlState::ShutDownInRecovery;
  bench.give(StorePictured{Bench::cluster("b")});
  bench.give(InstanceSeen{stopped});
  bench.give(RestartAsked{.request = {.id = 5, .timeout = {}}});
  bench.end<StartStandby>(StoreOutcome::Applied);
  const auto* answer = std::get_if<AnswerRequest>(&bench.commands.front());
  ASSERT_NE(answer, nullptr);
  EXPECT_TRUE(answer->is_granted);
}

TEST(Agent, IgnoresALookAtPostgresThatWasOvertaken) {
  Bench bench;
  InstanceView newer = bench.standby();
  newer.seen_at = at(5s);
  bench.give(InstanceSeen{newer});
  InstanceView older = bench.primary();
  older.seen_at = at(4s);
  bench.give(InstanceSeen{older});
  EXPECT_TRUE(bench.agent().picture().instance.is_running_standby());
}

TEST(Agent, SaysAReasonOnceAndNotInEveryRound) {
  Bench bench;
  bench.give(TimeCame{});
  bench.end<GrantLease>(StoreOutcome::Applied);
  InstanceView standby = bench.standby();
  standby.process = ProcessState::Stopped;
  standby.in_recovery.reset();
  standby.data_directory = DataDirectory::Inaccessible;
  standby.data_directory_problem = "mode is 0777";
  bench.give(InstanceSeen{standby});
  bench.give(StorePictured{Bench::cluster("b")});
  const auto tells = [&] {
    return std::count_if(bench.commands.begin(), bench.commands.end(),
                         [](const Command& c) { return std::holds_alternative<Tell>(c); });
  };
  EXPECT_EQ(tells(), 1);
  bench.now = bench.now + 100ms;
  bench.give(TimeCame{});
  EXPECT_EQ(tells(), 0);
}

TEST(Agent, SeesItsOwnWriteOfSyncWhateverAnOlderPictureShows) {
  Bench bench;
  bench.lead_alone();
  InstanceView view = bench.primary();
  WalSenderView b;
  b.application_name = "b";
  b.state = "streaming";
  b.flushed = Lsn{1000};
  view.wal_senders = {b};
  view.sync_names = "\"x\"";
  bench.give(InstanceSeen{view});
  bench.end<Promote>(StoreOutcome::Applied);
  ClusterView picture = Bench::cluster("a", 110);
  picture.config->settings.synchronous_mode = SynchronousMode::On;
  SyncKey key;
  key.leader = "a";
  key.standbys = {"y"};  // PostgreSQL does not wait for it: it goes
  key.mod_revision = Revision{90};
  picture.sync = key;
  bench.give(StorePictured{picture});
  ASSERT_TRUE(bench.started<WriteSync>());
  bench.end<WriteSync>(StoreOutcome::Applied, Revision{120});
  EXPECT_TRUE(bench.agent().picture().store.cluster->sync->standbys.empty());
  picture.revision = Revision{115};
  bench.give(StorePictured{picture});
  EXPECT_TRUE(bench.agent().picture().store.cluster->sync->standbys.empty());
  picture.revision = Revision{121};
  bench.give(StorePictured{picture});
  EXPECT_FALSE(bench.agent().picture().store.cluster->sync->standbys.empty());
}

TEST(Agent, RemembersAWriteOfSyncThatNobodyAnswered) {
  Bench bench;
  bench.lead_alone();
  InstanceView view = bench.primary();
  view.sync_names = "\"x\"";
  bench.give(InstanceSeen{view});
  bench.end<Promote>(StoreOutcome::Applied);
  ClusterView picture = Bench::cluster("a", 110);
  picture.config->settings.synchronous_mode = SynchronousMode::On;
  bench.give(StorePictured{picture});
  ASSERT_TRUE(bench.started<WriteSync>());
  bench.end<WriteSync>(StoreOutcome::Unknown);
  EXPECT_EQ(bench.agent().picture().session.unanswered_sync, Revision{});
  SyncKey key;
  key.leader = "a";
  key.mod_revision = Revision{120};
  picture.sync = key;
  picture.revision = Revision{120};
  bench.give(StorePictured{picture});
  EXPECT_FALSE(bench.agent().picture().session.unanswered_sync) << "the key is another one by now";
}

TEST(Agent, TriesAWriteThatTheStoreRefusesAgainAfterAPauseAndNotAtOnce) {
  Bench bench;
  bench.give(TimeCame{});
  bench.end<GrantLease>(StoreOutcome::Applied);
  bench.give(InstanceSeen{bench.standby()});
  bench.give(StorePictured{Bench::cluster(std::nullopt)});
  bench.now = bench.now + 1ms;
  bench.give(InstanceSeen{bench.standby()});
  bench.end<AcquireLeaderKey>(StoreOutcome::Unknown);  // full, or it has forgotten who we are
  EXPECT_FALSE(bench.started<AcquireLeaderKey>());
  const auto* wake = std::get_if<WakeAt>(&bench.commands.back());
  ASSERT_NE(wake, nullptr);
  EXPECT_LE(wake->when, bench.now + 100ms);
  bench.now = bench.now + 100ms;
  bench.give(TimeCame{});
  EXPECT_TRUE(bench.started<AcquireLeaderKey>());
}

TEST(Agent, RemembersAReleaseThatNobodyAnsweredUntilTheKeyIsAnotherOne) {
  Bench bench;
  bench.lead_alone();
  bench.give(StorePictured{Bench::cluster("a", 110)});
  bench.end<Promote>(StoreOutcome::Applied, {}, ActOutcome::Failed);
  ASSERT_TRUE(bench.started<ReleaseLeaderKey>());
  bench.end<ReleaseLeaderKey>(StoreOutcome::Unknown);
  EXPECT_EQ(bench.agent().picture().session.unanswered_release, Revision{50});
  EXPECT_FALSE(bench.agent().last_decision().is_leader);
  ClusterView picture = Bench::cluster("a", 120);
  picture.leader->mod_revision = Revision{115};
  bench.give(StorePictured{picture});
  EXPECT_FALSE(bench.agent().picture().session.unanswered_release);
}

// The renewal was confirmed, then the key was given back; the answers come the other way round.
TEST(Agent, DoesNotLeadAgainByARenewalFromBeforeTheKeyWasGivenBack) {
  Bench bench;
  bench.lead_alone();
  bench.give(StorePictured{Bench::cluster("a", 110)});
  bench.now = bench.now + 3s;
  bench.give(TimeCame{});
  ASSERT_TRUE(std::get<RenewLease>(bench.started<RenewLease>()->step).holds_leader_key);
  bench.end<Promote>(StoreOutcome::Applied, {}, ActOutcome::Failed);
  bench.now = bench.now + 1ms;
  bench.end<ReleaseLeaderKey>(StoreOutcome::Applied, Revision{120});
  EXPECT_FALSE(bench.agent().last_decision().is_leader);
  bench.now = bench.now + 1ms;
  bench.end<RenewLease>(StoreOutcome::Applied, Revision{115});
  EXPECT_FALSE(bench.agent().last_decision().is_leader);
  EXPECT_FALSE(bench.agent().picture().session.leads);
}

// Refused, for the attempt before was carried out: the key ends with the new lease all the same.
TEST(Agent, KeepsInMindABindingThatNobodyAnsweredWhenTheNextIsRefused) {
  Bench bench;
  bench.give(TimeCame{});
  bench.end<GrantLease>(StoreOutcome::Applied);
  bench.give(InstanceSeen{bench.primary()});
  ClusterView led = Bench::cluster("a");
  led.leader->lease = LeaseId{5};
  bench.give(StorePictured{led});
  bench.end<RebindLeaderKey>(StoreOutcome::Unknown);
  bench.now = bench.now + 1s;
  bench.give(StorePictured{led});
  ASSERT_TRUE(bench.started<RebindLeaderKey>());
  bench.end<RebindLeaderKey>(StoreOutcome::Refused, Revision{120});
  EXPECT_TRUE(may_be_bound_unknown(bench.agent().picture().session));
  bench.now = bench.now + 1s;
  bench.give(TimeCame{});
  led.leader->lease = LeaseId{7};
  led.revision = Revision{121};
  bench.give(StorePictured{led});
  bench.end<RenewLease>(StoreOutcome::Applied);  // begun before that picture
  bench.now = bench.now + 2s;
  bench.give(TimeCame{});
  bench.end<RenewLease>(StoreOutcome::Applied, Revision{121});
  EXPECT_FALSE(may_be_bound_unknown(bench.agent().picture().session)) << "a renewal tells";
}

TEST(Agent, ForgetsABindingThatNobodyAnsweredWhenItSeesAnotherLeader) {
  Bench bench;
  bench.give(TimeCame{});
  bench.end<GrantLease>(StoreOutcome::Applied);
  bench.give(InstanceSeen{bench.standby()});
  ClusterView led = Bench::cluster("a");
  led.leader->lease = LeaseId{5};
  bench.give(StorePictured{led});
  bench.end<RebindLeaderKey>(StoreOutcome::Refused, Revision{120});
  ASSERT_TRUE(may_be_bound_unknown(bench.agent().picture().session));
  ClusterView later = Bench::cluster("b", 121);
  later.config->settings.ttl = 13s;
  bench.now = bench.now + 200ms;
  bench.give(StorePictured{later});
  EXPECT_FALSE(may_be_bound_unknown(bench.agent().picture().session));
  EXPECT_TRUE(bench.started<GrantLease>()) << "of the ttl that there is now";
}

TEST(Agent, GoesOnLeadingForAllWhoAskWhileItsLeaseIsExchanged) {
  Bench bench;
  bench.lead_alone();
  bench.give(InstanceSeen{bench.primary()});
  bench.end<Promote>(StoreOutcome::Applied);
  bench.now = bench.now + 200ms;
  ClusterView longer = Bench::cluster("a", 110);
  longer.config->settings.ttl = 13s;
  bench.give(StorePictured{longer});
  bench.end<GrantLease>(StoreOutcome::Applied);
  ASSERT_FALSE(bench.agent().picture().session.leads) << "the key is not bound to it yet";
  EXPECT_TRUE(bench.agent().leads(bench.now));
  EXPECT_FALSE(bench.agent().leads(bench.now + 10s)) << "the old lease may have ended by then";
  ClusterView taken = Bench::cluster("b", 111);
  bench.give(StorePictured{taken});
  EXPECT_FALSE(bench.agent().leads(bench.now));
}

ClusterView in_failsafe_mode(ClusterView picture) {
  picture.config->settings.failsafe_mode = true;
  picture.failsafe = {{"a", "http://10.0.0.1:8008/patroni"}, {"b", "http://10.0.0.2:8008/patroni"}};
  return picture;
}

// The store is silent, and the other member has accepted this leader meanwhile.
void lead_by_acceptance(Bench& bench) {
  bench.lead_alone();
  bench.give(InstanceSeen{bench.primary()});
  bench.end<Promote>(StoreOutcome::Applied);
  bench.give(StorePictured{in_failsafe_mode(Bench::cluster("a", 110))});
  bench.give(StoreSilent{"it does not answer"});
  bench.now = bench.now + 6s;
  bench.give(InstanceSeen{bench.primary()});
  bench.give(TimeCame{});
  const auto asked = bench.started<AskFailsafe>();
  ASSERT_TRUE(asked);
  FailsafeAnswer accepted;
  accepted.round.ended_at = bench.now;
  accepted.round.is_accepted = true;
  bench.give(StepEnded{.id = asked->id, .outcome = accepted});
  bench.now = bench.now + 1s;
}

TEST(Agent, GoesOnLeadingForAllWhoAskAfterASilenceInWhichItWasAccepted) {
  Bench bench;
  lead_by_acceptance(bench);
  bench.end<RenewLease>(StoreOutcome::LeaseLost);
  bench.give(StorePictured{in_failsafe_mode(Bench::cluster(std::nullopt, 112))});
  EXPECT_TRUE(bench.agent().leads(bench.now));
  EXPECT_FALSE(bench.agent().leads(bench.now + 9s)) << "the promises may have ended by then";
}

TEST(Agent, LeadsForNobodyWhoAsksOnceAnotherHasTheKeyOrItIsNoPrimary) {
  for (const bool is_taken : {true, false}) {
    Bench bench;
    lead_by_acceptance(bench);
    bench.end<RenewLease>(StoreOutcome::LeaseLost);
    ASSERT_TRUE(bench.agent().leads(bench.now));
    if (is_taken) {
      bench.give(StorePictured{in_failsafe_mode(Bench::cluster("b", 113))});
    } else {
      bench.give(InstanceSeen{bench.standby()});
    }
    EXPECT_FALSE(bench.agent().leads(bench.now));
  }
}

TEST(Agent, LeadsForAllWhoAskInMaintenanceModeHoweverLongTheStoreIsSilent) {
  Bench bench;
  bench.lead_alone();
  bench.give(InstanceSeen{bench.primary()});
  bench.end<Promote>(StoreOutcome::Applied);
  ClusterView paused = Bench::cluster("a", 110);
  paused.config->settings.paused = true;
  bench.give(StorePictured{paused});
  bench.give(StoreSilent{"it does not answer"});
  EXPECT_TRUE(bench.agent().leads(bench.now + 60s));
  bench.now = bench.now + 60s;
  bench.give(InstanceSeen{bench.primary()});
  bench.give(TimeCame{});
  paused.leader.reset();
  bench.give(StorePictured{paused});
  EXPECT_TRUE(bench.agent().leads(bench.now)) << "the store is back, and has forgotten the lease";
  paused.revision = Revision{111};
  paused.leader = Bench::cluster("b").leader;
  bench.give(StorePictured{paused});
  EXPECT_FALSE(bench.agent().leads(bench.now)) << "an operator has made another the leader";
}

TEST(Agent, GoesOnLeadingForAllWhoAskWhenTheKeyOfBeforeTheSilenceCannotBeBound) {
  Bench bench;
  lead_by_acceptance(bench);
  bench.end<RenewLease>(StoreOutcome::LeaseLost);
  bench.end<GrantLease>(StoreOutcome::Applied);
  ClusterView old = in_failsafe_mode(Bench::cluster("a", 111));
  old.leader->lease = LeaseId{5};
  bench.give(StorePictured{old});
  bench.end<RebindLeaderKey>(StoreOutcome::Refused, Revision{112});
  EXPECT_TRUE(bench.agent().leads(bench.now));
}

TEST(Agent, BacksOffFromASlotThatCannotBeMade) {
  Bench bench;
  bench.lead_alone();
  bench.give(InstanceSeen{bench.primary()});
  bench.end<Promote>(StoreOutcome::Applied);
  ClusterView picture = Bench::cluster("a", 110);
  Member b;
  b.name = "b";
  picture.members["b"] = b;
  bench.give(StorePictured{picture});
  int attempts = 0;
  for (const Instant end = bench.now + 30s; bench.now < end; bench.now = bench.now + 50ms) {
    bench.give(TimeCame{});
    if (bench.started<RenewLease>()) bench.end<RenewLease>(StoreOutcome::Applied, Revision{110});
    if (!bench.started<KeepSlots>()) continue;
    ++attempts;
    bench.end<KeepSlots>(StoreOutcome::Applied, {}, ActOutcome::Failed);
  }
  EXPECT_GE(attempts, 8) << "all slots may be taken for a moment only";
  EXPECT_LE(attempts, 12) << "every 200 ms it was 150 attempts, and as many lines in the log";
}

// Follows b, which PostgreSQL never shows it does; over and over, in no time.
void run_away(Bench& bench) {
  bench.give(TimeCame{});
  bench.end<GrantLease>(StoreOutcome::Applied);
  bench.give(InstanceSeen{bench.standby()});
  ClusterView picture = Bench::cluster("b");
  Member b;
  b.name = "b";
  b.conn_url = "postgres://10.0.0.2:5432/postgres";
  b.role = MemberRole::Primary;
  b.state = MemberState::Running;
  picture.members["b"] = b;
  bench.give(StorePictured{picture});
  for (int i = 0; i < LanePace::kMostSteps; ++i) {
    ASSERT_TRUE(bench.started<Follow>()) << i;
    bench.end<Follow>(StoreOutcome::Applied);
  }
}

TEST(Agent, SlowsDownWhatFollowsItselfWithoutEndAndTellsItOnce) {
  Bench bench;
  run_away(bench);
  EXPECT_FALSE(bench.started<Follow>());
  const auto tells_of_it = [&] {
    const auto* tell = std::get_if<Tell>(&bench.commands.front());
    return tell != nullptr && std::any_of(tell->reasons.begin(), tell->reasons.end(),
                                          [](const Reason& one) { return one.rule == "G1"; });
  };
  EXPECT_TRUE(tells_of_it());
  bench.give(TimeCame{});
  EXPECT_FALSE(tells_of_it());
  bench.now = bench.now + LanePace::kStep;
  bench.give(TimeCame{});
  ASSERT_TRUE(bench.started<Follow>());
  bench.end<Follow>(StoreOutcome::Applied);
  EXPECT_FALSE(bench.started<Follow>());
}

TEST(Agent, ClosesPostgresAtOnceWhateverHasRunAway) {
  Bench bench;
  run_away(bench);
  ASSERT_FALSE(bench.started<Follow>());
  bench.give(LeaveAsked{});
  EXPECT_TRUE(bench.started<Stop>());
}

}  // namespace
}  // namespace pgherd::test
