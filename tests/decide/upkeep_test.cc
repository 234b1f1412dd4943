#include <functional>
#include <map>
#include <string>

#include "scene.h"

namespace pgherd::test {
namespace {

TEST(Replay, ThatIsPausedGoesOnUnlessThatCouldOpenPostgresWithoutTheKey) {
  Scene scene("a");
  scene.led_by("b").standby(Lsn{100});
  scene.seen.instance.replay_is_paused = true;
  EXPECT_TRUE(scene.planned<ResumeReplay>());
  // Somebody recovers a backup by hand, and it is paused at its target.
  Scene backup = scene;
  backup.seen.instance.has_recovery_signal = true;
  EXPECT_FALSE(backup.planned<ResumeReplay>());
  Scene leaderless = scene;
  leaderless.cluster().leader.reset();
  EXPECT_FALSE(leaderless.planned<ResumeReplay>());
}

TEST(Slots, AreMadeForEveryOtherMember) {
  Scene scene("a");
  scene.led_by("a").primary(Lsn{100});
  const auto keep = scene.planned<KeepSlots>();
  ASSERT_TRUE(keep);
  ASSERT_EQ(keep->wanted.size(), 2U);
  EXPECT_EQ(keep->wanted[0].name, "b");
  EXPECT_EQ(keep->wanted[1].name, "c");
}

TEST(Slots, OnAStandbyFollowTheLeaderButNeverPastTheOwnReplay) {
  Scene scene("a");
  scene.led_by("b").standby(Lsn{100});
  scene.cluster().status.slots = std::map<std::string, Lsn>{{"b", Lsn{500}}, {"c", Lsn{90}}};
  scene.seen.instance.slots = {SlotView{.name = "b"}, SlotView{.name = "c"}};
  const auto keep = scene.planned<KeepSlots>();
  ASSERT_TRUE(keep);
  EXPECT_EQ(keep->wanted[0].advance_to, Lsn{100});
  EXPECT_EQ(keep->wanted[1].advance_to, Lsn{90});
}

TEST(Slots, OfMembersThatStreamFromAStandbyFollowWhatTheseSay) {
  Scene scene("a");
  scene.led_by("a").primary(Lsn{100});
  scene.cluster().members["c"].tags.replicatefrom = "b";
  scene.cluster().members["c"].receive_lsn = Lsn{80};
  scene.cluster().status.slots = std::map<std::string, Lsn>{{"b", Lsn{90}}, {"c", Lsn{10}}};
  scene.seen.instance.slots = {SlotView{.name = "b", .restart_lsn = Lsn{50}},
                               SlotView{.name = "c", .restart_lsn = Lsn{10}}};
  const auto keep = scene.planned<KeepSlots>();
  ASSERT_TRUE(keep);
  EXPECT_FALSE(keep->wanted[0].advance_to.is_known()) << "b moves its slot itself";
  EXPECT_EQ(keep->wanted[1].advance_to, Lsn{80});
  // Nor past what is here.
  Scene ahead = scene;
  ahead.cluster().members["c"].receive_lsn = Lsn{500};
  ahead.memory = Memory{};
  EXPECT_EQ(ahead.planned<KeepSlots>()->wanted[1].advance_to, Lsn{100});
}

TEST(Slots, OfMembersThatDoNotStreamAreOfNoUse) {
  Scene scene("a");
  scene.led_by("a").primary(Lsn{100});
  scene.decide();  // it is remembered, too
  scene.cluster().members["c"].tags.nostream = true;
  scene.seen.instance.slots = {SlotView{.name = "b"}, SlotView{.name = "c"}};
  scene.later(10s);
  scene.seen.session.renewed_at = scene.now;
  const auto keep = scene.planned<KeepSlots>();
  ASSERT_TRUE(keep);
  EXPECT_EQ(keep->drop, std::vector<std::string>{"c"});
  EXPECT_EQ(keep->wanted.size(), 1U);
}

TEST(Slots, OfAnAbsentMemberAreKeptForMemberSlotsTtl) {
  Scene scene("a");
  scene.led_by("a").primary(Lsn{100});
  scene.decide();
  scene.cluster().members.erase("c");
  scene.seen.instance.slots = {SlotView{.name = "b"}, SlotView{.name = "c"}};
  scene.later(60s);
  scene.seen.session.renewed_at = scene.now;
  EXPECT_FALSE(scene.planned<KeepSlots>());
  scene.later(1800s);
  scene.seen.session.renewed_at = scene.now;
  const auto keep = scene.planned<KeepSlots>();
  ASSERT_TRUE(keep);
  EXPECT_EQ(keep->drop, std::vector<std::string>{"c"});
}

Scene with_slot(SlotView slot) {
  Scene scene("a");
  scene.led_by("a").primary(Lsn{100});
  scene.seen.instance.slots = {SlotView{.name = "b"}, SlotView{.name = "c"}, std::move(slot)};
  return scene;
}

TEST(Slots, ThatNobodyNeedsAreDropped) {
  Scene scene = with_slot({.name = "nobodys"});
  const auto keep = scene.planned<KeepSlots>();
  ASSERT_TRUE(keep);
  EXPECT_EQ(keep->drop, std::vector<std::string>{"nobodys"});
}

TEST(Slots, ThatAreInUseOrIgnoredOrPostgresOwnAreLeftAlone) {
  Scene in_use = with_slot({.name = "somebody_elses", .is_active = true});
  EXPECT_FALSE(in_use.planned<KeepSlots>());
  Scene temporary = with_slot({.name = "somebody_elses", .is_temporary = true});
  EXPECT_FALSE(temporary.planned<KeepSlots>());
  Scene failover = with_slot({.name = "cdc", .is_physical = false, .is_failover = true});
  EXPECT_FALSE(failover.planned<KeepSlots>());
  Scene ignored = with_slot({.name = "cdc", .is_physical = false, .plugin = "pgoutput"});
  ignored.seen.settings.ignore_slots = {
      {.name = {}, .type = "logical", .database = {}, .plugin = "pgoutput"}};
  EXPECT_FALSE(ignored.planned<KeepSlots>());
}

TEST(Slots, ThatPostgresKeepsInStepAreDroppedWhereAFormerPrimaryHasLeftThemBehind) {
  SlotView left{.name = "cdc", .is_physical = false, .is_failover = true};
  Scene scene("a");
  scene.led_by("b").standby(Lsn{100});
  scene.seen.instance.slots = {SlotView{.name = "b"}, SlotView{.name = "c"}, left};
  ASSERT_TRUE(scene.planned<KeepSlots>());
  Scene synced = scene;
  synced.memory = {};
  synced.seen.instance.slots[2].is_synced = true;
  EXPECT_FALSE(synced.planned<KeepSlots>()) << "it is the present primary's";
  scene.memory = {};
  EXPECT_EQ(scene.planned<KeepSlots>()->drop, std::vector<std::string>{"cdc"});
  scene.memory = {};
  scene.seen.settings.permanent_slots = {
      {.name = "cdc", .is_logical = true, .database = "shop", .plugin = "pgoutput"}};
  EXPECT_EQ(scene.planned<KeepSlots>()->drop, std::vector<std::string>{"cdc"});
  scene.memory = {};
  scene.seen.settings.paused = true;
  EXPECT_FALSE(scene.planned<KeepSlots>());
}

// Node a follows b, which has the permanent logical slot `cdc` at byte 80.
Scene without_its_copy() {
  Scene scene("a");
  scene.led_by("b").standby(Lsn{100});
  scene.seen.instance.is_streaming = true;
  scene.seen.instance.upstream = {.host = "10.0.0.2", .port = "5432", .slot = "a"};
  scene.seen.instance.slots = {SlotView{.name = "b"}, SlotView{.name = "c"}};
  scene.cluster().status.slots = std::map<std::string, Lsn>{{"cdc", Lsn{80}}};
  scene.seen.settings.permanent_slots = {
      {.name = "cdc", .is_logical = true, .database = "shop", .plugin = "pgoutput"}};
  return scene;
}

SlotView copied(Lsn confirmed) {
  return {.name = "cdc",
          .is_physical = false,
          .plugin = "pgoutput",
          .database = "shop",
          .confirmed_flush = confirmed};
}

TEST(LogicalSlots, ThatAStandbyLacksAreCopiedFromThePrimaryOnceAMinute) {
  Scene scene = without_its_copy();
  const auto copy = scene.planned<CopySlots>();
  ASSERT_TRUE(copy);
  EXPECT_EQ(copy->source.name, "b");
  ASSERT_EQ(copy->slots.size(), 1U);
  EXPECT_EQ(copy->slots[0].name, "cdc");
  EXPECT_EQ(copy->slots[0].database, "shop");
  EXPECT_TRUE(scene.gives_reason("U9"));
  scene.later(30s);
  EXPECT_FALSE(scene.planned<CopySlots>()) << "each time costs a restart";
  scene.later(31s);
  EXPECT_TRUE(scene.planned<CopySlots>());
}

TEST(LogicalSlots, AreNotCopiedWhereTheyWouldBeOfNoUseOrARestartWouldDoHarm) {
  const auto is_copied_when = [](auto change) {
    Scene scene = without_its_copy();
    change(scene);
    return scene.planned<CopySlots>().has_value();
  };
  EXPECT_TRUE(is_copied_when([](Scene&) {}));
  EXPECT_FALSE(is_copied_when([](Scene& s) { s.seen.self.tags.nofailover = true; }));
  EXPECT_FALSE(is_copied_when([](Scene& s) { s.seen.self.tags.nostream = true; }));
  EXPECT_FALSE(is_copied_when([](Scene& s) {
    s.seen.self.tags.replicatefrom = "c";
    s.seen.instance.upstream.host = "10.0.0.3";
    s.cluster().members["c"].tags.nostream = true;
  })) << "no feedback comes through to the primary";
  EXPECT_TRUE(is_copied_when([](Scene& s) {
    s.seen.self.tags.replicatefrom = "c";
    s.seen.instance.upstream.host = "10.0.0.3";
  }));
  EXPECT_FALSE(is_copied_when([](Scene& s) { s.seen.instance.is_streaming = false; }));
  EXPECT_FALSE(is_copied_when([](Scene& s) { s.cluster().status.slots = {}; }))
      << "the primary has not made it yet";
  EXPECT_FALSE(is_copied_when([](Scene& s) { s.seen.settings.paused = true; }));
  EXPECT_FALSE(is_copied_when([](Scene& s) { s.seen.store.is_reachable = false; }));
  EXPECT_FALSE(is_copied_when([](Scene& s) { s.seen.settings.standby_cluster.emplace(); }));
  EXPECT_FALSE(is_copied_when([](Scene& s) {
    s.cluster().members["b"].role = MemberRole::Replica;
  })) << "it holds the key and is not a primary yet";
}

TEST(LogicalSlots, OnAStandbyFollowWhatThePrimaryReports) {
  Scene scene = without_its_copy();
  scene.seen.instance.slots.push_back(copied(Lsn{70}));
  const auto keep = scene.planned<KeepSlots>();
  ASSERT_TRUE(keep);
  EXPECT_EQ(keep->wanted.back().name, "cdc");
  EXPECT_EQ(keep->wanted.back().advance_to, Lsn{80});
  EXPECT_TRUE(keep->drop.empty());
  Scene level = without_its_copy();
  level.seen.instance.slots.push_back(copied(Lsn{80}));
  EXPECT_FALSE(level.planned<KeepSlots>());
  EXPECT_FALSE(level.planned<CopySlots>());
}

TEST(LogicalSlots, ThatAreLostOrBelongElsewhereAreDroppedFromAStandby) {
  Scene lost = without_its_copy();
  lost.seen.instance.slots.push_back(copied(Lsn{70}));
  lost.seen.instance.slots.back().wal_status = "lost";
  EXPECT_EQ(lost.planned<KeepSlots>()->drop, std::vector<std::string>{"cdc"});
  Scene never_leads = without_its_copy();
  never_leads.seen.self.tags.nofailover = true;
  never_leads.seen.instance.slots = {copied(Lsn{70})};
  EXPECT_EQ(never_leads.planned<KeepSlots>()->drop, std::vector<std::string>{"cdc"});
}

TEST(Slots, OfMembersThatStreamFromAStandbyMoveOnWithoutTheStore) {
  Scene scene("a");
  scene.led_by("a").primary(Lsn{100});
  scene.seen.settings.failsafe_mode = true;
  scene.cluster().members["c"].tags.replicatefrom = "b";
  scene.cluster().members["c"].receive_lsn = Lsn{20};
  scene.seen.instance.slots = {SlotView{.name = "b", .restart_lsn = Lsn{50}},
                               SlotView{.name = "c", .restart_lsn = Lsn{20}}};
  scene.later(6s);
  scene.seen.store.is_reachable = false;
  scene.seen.failsafe_confirmed_at = scene.now;
  scene.seen.failsafe_round = FailsafeRound{.asked_at = scene.now,
                                            .ended_at = scene.now,
                                            .is_accepted = true,
                                            .problem = {},
                                            .positions = {{"c", Lsn{90}}}};
  const auto keep = scene.planned<KeepSlots>();
  ASSERT_TRUE(keep);
  EXPECT_EQ(keep->wanted[1].name, "c");
  EXPECT_EQ(keep->wanted[1].advance_to, Lsn{90});
}

TEST(Slots, OfMembersThatWentBeforeThisAgentBeganAreRetained) {
  Scene scene = with_slot({.name = "gone"});
  scene.cluster().status.retain_slots = {"gone"};
  EXPECT_FALSE(scene.planned<KeepSlots>());
}

TEST(Slots, ThatStandInTheConfigurationAreMade) {
  Scene scene("a");
  scene.led_by("a").primary(Lsn{100});
  scene.seen.settings.permanent_slots = {
      {.name = "archive", .is_logical = false, .database = {}, .plugin = {}},
      {.name = "cdc", .is_logical = true, .database = "shop", .plugin = "pgoutput"}};
  const auto keep = scene.planned<KeepSlots>();
  ASSERT_TRUE(keep);
  ASSERT_EQ(keep->wanted.size(), 4U);
  EXPECT_EQ(keep->wanted[0].name, "archive");
  EXPECT_TRUE(keep->wanted[3].is_logical);
  Scene standby("a");
  standby.led_by("b").standby(Lsn{100});
  standby.seen.settings.permanent_slots = scene.seen.settings.permanent_slots;
  EXPECT_EQ(standby.planned<KeepSlots>()->wanted.size(), 3U);  // logical ones are the primary's
}

TEST(Slots, ThatHoldBackVacuumOnAStandbyOrAreLostAreMadeAnew) {
  Scene scene("a");
  scene.led_by("b").standby(Lsn{100});
  scene.seen.instance.slots = {SlotView{.name = "b", .has_xmin = true},
                               SlotView{.name = "c", .wal_status = "lost"}};
  EXPECT_EQ(scene.planned<KeepSlots>()->drop, (std::vector<std::string>{"b", "c"}));
}

// Node a leads at byte 1000; its slot for c holds back all of it, the one for b nothing.
Scene with_limit(std::int64_t bytes) {
  Scene scene("a");
  scene.led_by("a").primary(Lsn{1000});
  scene.seen.settings.slots_wal_limit_bytes = bytes;
  scene.seen.instance.control->checkpoint = Lsn{1000};
  scene.seen.instance.slots = {SlotView{.name = "b", .restart_lsn = Lsn{1000}},
                               SlotView{.name = "c", .restart_lsn = Lsn{0x1}}};
  return scene;
}

TEST(Slots, ThatHoldBackTooMuchAreMadeAnew) {
  Scene scene = with_limit(900);
  const auto keep = scene.planned<KeepSlots>();
  ASSERT_TRUE(keep);
  EXPECT_EQ(keep->drop, std::vector<std::string>{"c"});
  EXPECT_TRUE(scene.gives_reason("U10"));
  EXPECT_FALSE(scene.gives_reason("U2"));
  for (const std::int64_t limit : {0, 1000}) {
    Scene within = with_limit(limit);
    EXPECT_FALSE(within.planned<KeepSlots>()) << limit;
    EXPECT_EQ(within.gives_reason("U10"), limit > 0) << "from 80 % on there is a warning";
  }
  EXPECT_FALSE(with_limit(2000).gives_reason("U10"));
}

TEST(Slots, ThatAreLogicalOrInUseStayHoweverMuchTheyHoldBack) {
  const auto stays_when = [](const std::function<void(Scene&, SlotView&)>& change) {
    Scene scene = with_limit(900);
    change(scene, scene.seen.instance.slots[1]);
    return !scene.planned<KeepSlots>() && scene.gives_reason("U10");
  };
  EXPECT_TRUE(stays_when([](Scene&, SlotView& slot) { slot.is_active = true; }));
  EXPECT_TRUE(stays_when([](Scene& scene, SlotView&) { scene.seen.settings.paused = true; }));
  EXPECT_TRUE(stays_when([](Scene& scene, SlotView& slot) {
    scene.cluster().members.erase("c");
    slot = {.name = "cdc", .is_physical = false, .restart_lsn = Lsn{1}};
    slot.plugin = "pgoutput";
    slot.database = "shop";
    scene.seen.settings.permanent_slots = {
        {.name = "cdc", .is_logical = true, .database = "shop", .plugin = "pgoutput"}};
  }));
}

TEST(Slots, OfANodeThatNeverLeadsAreThoseOfItsFollowers) {
  Scene scene("a");
  scene.led_by("b").standby(Lsn{100});
  scene.seen.self.tags.nofailover = true;
  scene.cluster().members["c"].tags.replicatefrom = "a";
  const auto keep = scene.planned<KeepSlots>();
  ASSERT_TRUE(keep);
  ASSERT_EQ(keep->wanted.size(), 1U);
  EXPECT_EQ(keep->wanted[0].name, "c");
}

TEST(Configuration, IsAppliedOnceForEachChange) {
  Scene scene("a");
  scene.led_by("b").standby(Lsn{100});
  scene.seen.self.configuration = "2";
  EXPECT_EQ(scene.planned<ApplyConfiguration>(), ApplyConfiguration{.generation = "2"});
  scene.seen.applied_configuration = "2";
  EXPECT_FALSE(scene.planned<ApplyConfiguration>());
}

TEST(Restart, IsServedWhenNothingElseIsUnderWay) {
  Scene scene("a");
  scene.led_by("a").primary(Lsn{100});
  scene.seen.restart_request = RestartRequest{.id = 1, .timeout = 5s};
  EXPECT_EQ(scene.planned<Restart>(),
            (Restart{.timeout = 5s, .is_primary = true, .lease_valid_until = scene.now + 7500ms}));
}

TEST(MaintenanceMode, TouchesNothing) {
  Scene scene("a");
  scene.led_by("b").down(ControlState::InProduction);
  scene.seen.settings.paused = true;
  for (const Step& step : scene.decide().plan)
    EXPECT_NE(lane_of(step), Lane::Instance);
  EXPECT_EQ(scene.last.summary.substr(0, 6), "PAUSE:");
}

}  // namespace
}  // namespace pgherd::test
