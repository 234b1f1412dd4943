// The wiring of one member: what it does with the doors, in which order, and what it tells of that.
// The store is the one in memory; PostgreSQL, the peers and the guardian do what the test says.
#include "node/node.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "contract/manual_clock.h"
#include "dcs/memory/memory_dcs.h"

namespace pgherd::test {
namespace {

constexpr const char* kSystemId = "7391442209411208193";

// What was asked of the doors and told to the owner, in this order.
using Diary = std::vector<std::string>;

class FakeInstance final : public Instance {
 public:
  FakeInstance(Clock& clock, Diary& diary) : clock_(clock), diary_(diary) {}

  void perform(const Step& step, std::function<void(ActResult)> done) override {
    diary_.push_back("perform " + to_string(step));
    if (lane_of(step) == Lane::Instance) {
      done_ = std::move(done);
    } else {
      soon([done = std::move(done)] { done({}); });
    }
  }
  void cancel() override { diary_.push_back("cancel"); }
  void extend(Instant /*lease_valid_until*/) override { diary_.push_back("extend"); }
  void observe(std::function<void(InstanceView)> seen) override {
    if (is_blind) {
      unanswered_.push_back(std::move(seen));
      return;
    }
    soon([this, seen = std::move(seen)] {
      InstanceView now = view;
      now.seen_at = clock_.now();
      seen(std::move(now));
    });
  }
  void on_change(std::function<void(InstanceView)> handler) override {
    changed_ = std::move(handler);
  }

  // The long act under way ends.
  void end_act(ActOutcome outcome = ActOutcome::Done, std::string detail = {}) {
    ASSERT_TRUE(done_) << "nothing is under way";
    std::exchange(done_,
                  nullptr)({.outcome = outcome, .detail = std::move(detail), .divergence = {}});
  }
  [[nodiscard]] bool acts() const { return done_ != nullptr; }

  InstanceView view;
  bool is_blind = false;  // looks are not answered

 private:
  void soon(std::function<void()> call) {
    alarms_.push_back(clock_.at(clock_.now() + 1ms, std::move(call)));
  }

  Clock& clock_;
  Diary& diary_;
  std::function<void(ActResult)> done_;
  std::function<void(InstanceView)> changed_;
  std::vector<std::function<void(InstanceView)>> unanswered_;
  std::vector<std::unique_ptr<Alarm>> alarms_;
};

class NoPeers final : public Peers {
 public:
  explicit NoPeers(Clock& clock) : clock_(clock) {}
  void probe(const std::map<NodeName, std::string>& targets, Milliseconds /*timeout*/,
             std::function<void(NodeName, PeerView)> each, std::function<void()> all) override {
    alarms_.push_back(clock_.at(clock_.now(), [this, targets, each, all] {
      for (const auto& [name, url] : targets) {
        PeerView silent;
        silent.asked_at = silent.answered_at = clock_.now();
        each(name, silent);
      }
      all();
    }));
  }
  void ask_failsafe(const FailsafePing& /*ping*/,
                    const std::map<NodeName, std::string>& /*targets*/, Milliseconds /*timeout*/,
                    std::function<void(FailsafeRound)> done) override {
    alarms_.push_back(clock_.at(clock_.now(), [done] { done({}); }));
  }

 private:
  Clock& clock_;
  std::vector<std::unique_ptr<Alarm>> alarms_;
};

class ListeningFence final : public Fence {
 public:
  explicit ListeningFence(Diary& diary) : diary_(diary) {}
  void arm(Instant /*at*/, std::int64_t /*pid*/) override { diary_.push_back("arm"); }
  void arm_no_later(Instant /*at*/, std::int64_t /*pid*/) override {
    diary_.push_back("arm no later");
  }
  void disarm() override { diary_.push_back("disarm"); }

 private:
  Diary& diary_;
};

// Between a member and the store: while it is cut off no request arrives.
class CutOffDcs final : public Dcs {
 public:
  CutOffDcs(Dcs& dcs, Clock& clock) : dcs_(dcs), clock_(clock) {}
  bool is_cut = false;

  void read(const std::string& prefix, ReadMode mode, Instant deadline,
            DcsAnswer<Snapshot> answer) override {
    ++reads;
    if (!is_lost(deadline, answer)) dcs_.read(prefix, mode, deadline, std::move(answer));
  }
  void commit(Transaction transaction, Instant deadline, DcsAnswer<Committed> answer) override {
    if (!is_lost(deadline, answer))
      dcs_.commit(std::move(transaction), deadline, std::move(answer));
  }
  void grant(Milliseconds ttl, Instant deadline, DcsAnswer<Lease> answer) override {
    if (!is_lost(deadline, answer)) dcs_.grant(ttl, deadline, std::move(answer));
  }
  void keep_alive(LeaseId lease, Instant deadline, DcsAnswer<Lease> answer) override {
    if (!is_lost(deadline, answer)) dcs_.keep_alive(lease, deadline, std::move(answer));
  }
  void revoke(LeaseId lease, Instant deadline, DcsAnswer<Committed> answer) override {
    if (!is_lost(deadline, answer)) dcs_.revoke(lease, deadline, std::move(answer));
  }
  std::unique_ptr<Watch> watch(const std::string& prefix, Revision from, Milliseconds sign_of_life,
                               WatchHandler handler) override {
    return dcs_.watch(prefix, from, sign_of_life, std::move(handler));
  }

  int reads = 0;

 private:
  template <typename Answer>
  bool is_lost(Instant deadline, Answer& answer) {
    if (!is_cut) return false;
    alarms_.push_back(clock_.at(deadline, [answer = std::move(answer)] {
      answer(fail(DcsError{.kind = DcsErrorKind::Unavailable, .text = "no answer"}));
    }));
    return true;
  }

  Dcs& dcs_;
  Clock& clock_;
  std::vector<std::unique_ptr<Alarm>> alarms_;
};

class World {
 public:
  explicit World(WatchdogMode watchdog = WatchdogMode::Off) {
    Identity self;
    self.name = "a";
    self.conn_url = "postgres://10.0.0.1:5432/postgres";
    self.api_url = "http://10.0.0.1:8008/patroni";
    self.version = "4.1.4";
    self.may_bootstrap = true;
    self.bootstrap_config = R"({"ttl":10,"loop_wait":2,"retry_timeout":3})";
    self.watchdog_mode = watchdog;
    Settings settings;
    settings.ttl = 10s;
    settings.loop_wait = 2s;
    settings.retry_timeout = 3s;
    NodeListener listener;
    listener.on_start = [this](const Step& step) {
      if (before_step) before_step(step);
    };
    listener.on_renewal = [this](const Renewal& renewal) { renewals.push_back(renewal); };
    listener.on_step = [this](const std::string& line) { diary.push_back("told: " + line); };
    listener.on_exit = [this](const Exit& exit) {
      diary.push_back("exit " + std::to_string(exit.exit_code));
    };
    node = std::make_unique<Node>(
        std::move(self), settings, layout,
        Doors{.clock = clock, .dcs = dcs, .instance = instance, .peers = peers, .fence = fence},
        std::move(listener));
  }

  // Time passes until it is so, for a minute at most.
  template <typename Condition>
  [[nodiscard]] bool until(Condition condition) {
    const Instant patience = clock.now() + 60s;
    while (!condition()) {
      if (clock.now() > patience || !clock.ring_next()) return false;
    }
    return true;
  }
  [[nodiscard]] bool until_written(const std::string& line) {
    return until([&] { return place_of(line) < diary.size(); });
  }
  [[nodiscard]] std::size_t place_of(const std::string& line) const {
    const auto found = std::find_if(diary.begin(), diary.end(), [&](const std::string& written) {
      return written.starts_with(line);
    });
    return static_cast<std::size_t>(found - diary.begin());
  }
  [[nodiscard]] std::string value(std::string_view leaf) const {
    const auto entry = store.get(layout.key(leaf));
    return entry ? entry->value : std::string();
  }

  InstanceView primary() const {
    InstanceView view;
    view.data_directory = DataDirectory::Valid;
    view.control = ControlData{};
    view.control->system_id = kSystemId;
    view.control->timeline = Timeline{1};
    view.control->state = ControlState::InProduction;
    view.process = ProcessState::Running;
    view.postmaster_pid = 4711;
    view.in_recovery = false;
    view.timeline = Timeline{1};
    view.flushed = Lsn{1000};
    return view;
  }

  // A cluster that this node has made and leads.
  void lead() {
    instance.view.data_directory = DataDirectory::Missing;
    instance.view.process = ProcessState::Stopped;
    node->start();
    ASSERT_TRUE(until_written("perform Bootstrap"));
    instance.view = primary();
    instance.end_act();
    ASSERT_TRUE(until([&] { return node->leads(); }));
  }

  std::function<void(const Step&)> before_step;
  std::vector<Renewal> renewals;
  Diary diary;
  contract::ManualClock clock;
  MemoryStore store;
  MemoryDcs memory{store, clock};
  CutOffDcs dcs{memory, clock};
  Layout layout{"service", "main", "a"};
  FakeInstance instance{clock, diary};
  NoPeers peers{clock};
  ListeningFence fence{diary};
  std::unique_ptr<Node> node;
};

TEST(Node, MakesAClusterAndWritesItsKeysWhenPostgreSQLRuns) {
  World world;
  world.instance.view.data_directory = DataDirectory::Missing;
  world.instance.view.process = ProcessState::Stopped;
  world.node->start();
  ASSERT_TRUE(world.until_written("perform Bootstrap"));
  EXPECT_EQ(world.value("leader"), "") << "nobody leads a cluster that is not there";
  world.instance.view = world.primary();
  world.instance.end_act();
  ASSERT_TRUE(world.until([&] { return world.node->leads(); }));
  EXPECT_EQ(world.value("initialize"), kSystemId);
  EXPECT_EQ(world.value("leader"), "a");
}

// The reading that was lost would be waited for until 2 s, and paused after.
TEST(Node, ReadsAtOnceWhenTheStoreAnswersAnythingAgain) {
  World world;
  world.instance.view.data_directory = DataDirectory::Missing;
  world.instance.view.process = ProcessState::Stopped;
  const Instant begun = world.clock.now();
  world.dcs.is_cut = true;
  world.node->start();
  // The request for a lease is given up after an eighth of the ttl and sent again.
  const auto healed = world.clock.at(begun + 1200ms, [&] { world.dcs.is_cut = false; });
  ASSERT_TRUE(world.until([&] { return static_cast<bool>(world.node->cluster()); }));
  EXPECT_LT(world.clock.now() - begun, 1500ms);
  // The answer to the first reading, whatever it is, counts no more.
  ASSERT_TRUE(world.until([&] { return world.clock.now() - begun > 4s; }));
  EXPECT_EQ(world.dcs.reads, 2);
}

TEST(Node, TheGuardianKnowsBeforePostgreSQLCanOpen) {
  World world;
  world.lead();
  world.instance.view.process = ProcessState::Stopped;
  world.instance.view.in_recovery.reset();
  const std::size_t before = world.diary.size();
  ASSERT_TRUE(world.until_written("perform StartPrimary"));
  const auto since = world.diary.begin() + static_cast<std::ptrdiff_t>(before);
  const auto armed = std::find(since, world.diary.end(), "arm");
  const auto started = std::find(since, world.diary.end(), "perform StartPrimary");
  EXPECT_LT(armed, started) << "an order stands before the server is started";
}

TEST(Node, TheEndOfAnActIsToldWithALookAtWhatItHasLedTo) {
  World world;
  world.lead();
  world.instance.view.process = ProcessState::Stopped;
  world.instance.view.in_recovery.reset();
  ASSERT_TRUE(world.until_written("perform StartPrimary"));
  world.instance.is_blind = true;
  world.instance.end_act();
  EXPECT_NE(world.node->agent().picture().under_way_as<StartPrimary>(Lane::Instance), nullptr)
      << "nobody has seen yet what it has come to";
}

TEST(Node, AnActThatIsOverAndNotLookedAtYetEndsAtOnceWhenItIsCancelled) {
  World world;
  world.lead();
  world.instance.view.process = ProcessState::Stopped;
  world.instance.view.in_recovery.reset();
  ASSERT_TRUE(world.until_written("perform StartPrimary"));
  world.instance.is_blind = true;
  world.instance.end_act();
  // The lease cannot be renewed any more: the start would be cancelled.
  const auto lease = world.node->agent().picture().session.lease;
  ASSERT_TRUE(world.store.revoke(lease));
  ASSERT_TRUE(world.until([&] {
    return world.node->agent().picture().under_way_as<StartPrimary>(Lane::Instance) == nullptr;
  }));
  EXPECT_EQ(world.place_of("cancel"), world.diary.size()) << "there was nothing to be cancelled";
  EXPECT_FALSE(world.node->agent().picture().last_act->is_looked_at);
}

TEST(Node, SaysWhatTheStoreHasRefused) {
  World world;
  world.instance.view.data_directory = DataDirectory::Missing;
  world.instance.view.process = ProcessState::Stopped;
  // Between what it has read and what it writes somebody else was faster.
  world.before_step = [&](const Step& step) {
    if (!std::holds_alternative<TakeInitializeKey>(step)) return;
    Transaction faster;
    faster.writes.push_back(Put{.key = world.layout.key("initialize"), .value = "", .lease = {}});
    ASSERT_TRUE(world.store.commit(faster));
  };
  world.node->start();
  EXPECT_TRUE(world.until_written("told: TakeInitializeKey: refused by the store"));
}

TEST(Node, TellsHowARenewalOfTheLeaseHasGone) {
  World world;
  world.lead();
  world.renewals.clear();
  ASSERT_TRUE(world.until([&] { return world.renewals.size() == 2; }));
  EXPECT_TRUE(world.renewals.back().is_confirmed);
  EXPECT_EQ(world.renewals.back().ttl, 10s);
  EXPECT_GE(world.renewals.back().lease_age, 2s) << "the age is that before the renewal";
  EXPECT_LT(world.renewals.back().lease_age, 2500ms);
  EXPECT_LT(world.renewals.back().took, 500ms);

  // Its lease ends while the renewal is on its way.
  world.before_step = [&](const Step& step) {
    const auto* renewal = std::get_if<RenewLease>(&step);
    if (renewal == nullptr) return;
    ASSERT_TRUE(world.store.revoke(renewal->lease));
  };
  ASSERT_TRUE(world.until([&] { return world.renewals.size() == 3; }));
  EXPECT_FALSE(world.renewals.back().is_confirmed);
}

TEST(Node, WithoutAWatchdogItSaysSoAndDoesNotOpen) {
  World world(WatchdogMode::Required);
  world.instance.view = world.primary();
  world.instance.view.process = ProcessState::Stopped;
  world.instance.view.in_recovery.reset();
  world.node->start();
  EXPECT_TRUE(world.until_written("told: this node has no watchdog"));
  EXPECT_EQ(world.place_of("perform StartPrimary"), world.diary.size());
}

TEST(Node, AnswersARequestBeforeItReturns) {
  World world;
  world.lead();
  std::string why_not;
  world.node->unschedule_restart([&](bool is_granted, std::string why) {
    EXPECT_FALSE(is_granted);
    why_not = std::move(why);
  });
  EXPECT_EQ(why_not, "no restarts are scheduled");
  bool is_granted = true;
  world.node->ask_reinitialize(false, false,
                               [&](bool granted, const std::string&) { is_granted = granted; });
  EXPECT_FALSE(is_granted) << "it is the leader";
}

TEST(Node, ARestartIsAnsweredWhenItHasEnded) {
  World world;
  world.lead();
  std::vector<std::pair<bool, std::string>> answers;
  const auto note = [&](bool succeeded, std::string detail) {
    answers.emplace_back(succeeded, std::move(detail));
  };
  world.node->ask_restart(std::nullopt, note);
  ASSERT_TRUE(world.until_written("perform Restart"));
  EXPECT_TRUE(answers.empty());
  world.node->ask_restart(std::nullopt, note);
  ASSERT_EQ(answers.size(), 1U);
  EXPECT_EQ(answers[0], std::pair(false, std::string("restart already in progress")));
  world.instance.end_act(ActOutcome::Failed, "it did not start");
  ASSERT_TRUE(world.until([&] { return answers.size() == 2; }));
  EXPECT_EQ(answers[1], std::pair(false, std::string("it did not start")));
}

TEST(Node, LeavesWithItsKeysAndThenDoesNothingMore) {
  World world;
  world.lead();
  world.node->leave();
  ASSERT_TRUE(world.until_written("perform Demote"));
  world.instance.view.process = ProcessState::Stopped;
  world.instance.view.in_recovery.reset();
  world.instance.view.control->state = ControlState::ShutDown;
  world.instance.end_act();
  ASSERT_TRUE(world.until_written("exit 0"));
  EXPECT_EQ(world.value("leader"), "");
  EXPECT_EQ(world.value("members/a"), "");
  const std::size_t written = world.diary.size();
  world.node->ask_restart(std::nullopt, [](bool, const std::string&) {});
  (void)world.until([] { return false; });
  EXPECT_EQ(world.diary.size(), written);
}

}  // namespace
}  // namespace pgherd::test
