#include "scene.h"

namespace pgherd::test {
namespace {

TEST(Slots, AreMadeForEveryOtherMember) {
  Scene scene("a");
  scene.led_by("a").primary(Lsn{100});
  const auto keep = scene.planned<KeepSlots>();
  ASSERT_TRUE(keep);
  ASSERT_EQ(keep->wishes.size(), 2U);
  EXPECT_EQ(keep->wishes[0].name, "b");
  EXPECT_EQ(keep->wishes[1].name, "c");
}

TEST(Slots, OnAStandbyFollowTheLeaderButNeverPastTheOwnReplay) {
  Scene scene("a");
  scene.led_by("b").standby(Lsn{100});
  scene.cluster().status.slots = {{"b", Lsn{500}}, {"c", Lsn{90}}};
  scene.seen.instance.slots = {SlotView{.name = "b"}, SlotView{.name = "c"}};
  const auto keep = scene.planned<KeepSlots>();
  ASSERT_TRUE(keep);
  EXPECT_EQ(keep->wishes[0].advance_to, Lsn{100});
  EXPECT_EQ(keep->wishes[1].advance_to, Lsn{90});
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

TEST(Slots, ThatPgherdDoesNotKnowAreLeftAlone) {
  Scene scene("a");
  scene.led_by("a").primary(Lsn{100});
  scene.seen.instance.slots = {SlotView{.name = "b"}, SlotView{.name = "c"},
                               SlotView{.name = "somebody_elses"}};
  EXPECT_FALSE(scene.planned<KeepSlots>());
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
  scene.seen.restart_wish = RestartWish{.id = 1, .timeout = 5s};
  EXPECT_EQ(scene.planned<Restart>(),
            (Restart{.timeout = 5s, .lease_valid_until = scene.now + 7500ms}));
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
