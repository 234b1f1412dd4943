#include <vector>

#include "scene.h"

namespace pgherd::test {
namespace {

// Standby a of b, whose stream has broken; b is not there.
Scene lonely_standby() {
  Scene scene("a");
  scene.led_by("b").standby(Lsn{100});
  scene.seen.instance.upstream = {.host = "10.0.0.2", .port = "5432", .slot = "a"};
  scene.cluster().members["b"].state = MemberState::Starting;
  scene.decide();
  return scene;
}

Scene& looked_at(Scene& scene) {
  scene.seen.instance.seen_at = scene.now;
  return scene;
}

TEST(Receiver, IsLeftAloneWhileTheUpstreamIsDown) {
  Scene scene = lonely_standby();
  EXPECT_FALSE(looked_at(scene.later(1s)).planned<WakeReceiver>());
}

TEST(Receiver, IsWokenWhenTheUpstreamIsBack) {
  Scene scene = lonely_standby();
  scene.later(400ms);
  scene.cluster().members["b"].state = MemberState::Running;
  EXPECT_TRUE(scene.planned<ObserveInstance>()) << "what was seen before says nothing of now";
  EXPECT_FALSE(scene.planned<WakeReceiver>());
  EXPECT_TRUE(looked_at(scene.later(5ms)).planned<WakeReceiver>());
  EXPECT_TRUE(scene.gives_reason("F8"));
}

TEST(Receiver, IsLeftAloneWhenItStreamsAgainByItself) {
  Scene scene = lonely_standby();
  scene.cluster().members["b"].state = MemberState::Running;
  scene.decide();
  scene.seen.instance.is_streaming = true;
  EXPECT_FALSE(looked_at(scene.later(5ms)).planned<WakeReceiver>());
  EXPECT_FALSE(scene.planned<ObserveInstance>());
}

TEST(Receiver, IsWokenAFewTimesWithLongerAndLongerPauses) {
  Scene scene = lonely_standby();
  scene.cluster().members["b"].state = MemberState::Running;
  std::vector<Duration> woken;
  const Instant began = scene.now;
  for (; scene.now < began + 60s; looked_at(scene.later(10ms))) {
    if (scene.planned<WakeReceiver>()) woken.push_back(scene.now - began);
  }
  ASSERT_EQ(woken.size(), 6U);
  for (std::size_t i = 1; i < woken.size(); ++i) {
    EXPECT_GE(woken[i] - woken[i - 1], 100ms * (1 << (i - 1)));
  }
  EXPECT_LT(woken.back(), 5s);
}

TEST(Receiver, IsWokenWhenTheLeaderHasMadeTheSlot) {
  Scene scene = lonely_standby();
  scene.cluster().members["b"].state = MemberState::Running;
  for (int i = 0; i < 1000; ++i)
    looked_at(scene.later(10ms)).decide();
  ASSERT_FALSE(looked_at(scene.later(10ms)).planned<WakeReceiver>()) << "all attempts are used up";
  scene.later(1ms).cluster().status.slots.edit()["a"] = Lsn{50};
  scene.decide();
  EXPECT_TRUE(looked_at(scene.later(5ms)).planned<WakeReceiver>());
}

TEST(Receiver, ThatStaysAwayIsToldOfWithWhatToDo) {
  Scene scene = lonely_standby();
  scene.cluster().members["b"].state = MemberState::Running;
  const Instant began = scene.now;
  for (scene.decide(); scene.now < began + 20s && !scene.gives_reason("F9"); scene.decide())
    looked_at(scene.later(10ms));
  EXPECT_TRUE(scene.gives_reason("F9"));
  EXPECT_GE(scene.now, began + 10s);
  scene.seen.instance.is_streaming = true;
  scene.decide();
  EXPECT_FALSE(scene.gives_reason("F9"));
}

TEST(Receiver, HasAMomentAfterItWasPointedAtAnUpstream) {
  Scene scene = lonely_standby();
  scene.seen.last_act = ActEnded{.step = Follow{}, .detail = {}, .ended_at = scene.now};
  scene.cluster().members["b"].state = MemberState::Running;
  scene.decide();
  EXPECT_FALSE(looked_at(scene.later(100ms)).planned<WakeReceiver>());
  EXPECT_TRUE(looked_at(scene.later(100ms)).planned<WakeReceiver>());
}

TEST(Receiver, IsWokenAgainWhenItsStreamBreaksAgain) {
  Scene scene = lonely_standby();
  scene.later(1ms).cluster().members["b"].state = MemberState::Running;
  scene.decide();
  EXPECT_TRUE(looked_at(scene.later(5ms)).planned<WakeReceiver>());
  scene.seen.instance.is_streaming = true;
  looked_at(scene.later(50ms)).decide();
  scene.seen.instance.is_streaming = false;
  EXPECT_TRUE(looked_at(scene.later(1ms)).planned<WakeReceiver>());
}

}  // namespace
}  // namespace pgherd::test
