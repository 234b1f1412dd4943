#include "decide/requests.h"

#include "scene.h"

namespace pgherd::test {
namespace {

Scene standby_of_b() {
  Scene scene("a");
  scene.led_by("b").standby(Lsn{100});
  return scene;
}

TEST(Restart, IsTakenOneAtATime) {
  Scene scene = standby_of_b();
  EXPECT_TRUE(admit_restart(scene.seen).is_granted);
  scene.seen.restart_request = RestartRequest{.id = 1, .timeout = {}, .asked_at = scene.now};
  EXPECT_FALSE(admit_restart(scene.seen).is_granted);
}

TEST(Restart, OfAServerThatDoesNotStartIsRefusedWithTheReason) {
  Scene scene = standby_of_b();
  scene.down(ControlState::ShutDown);
  EXPECT_TRUE(admit_restart(scene.seen).is_granted) << "nothing has failed";
  scene.seen.last_act = ActEnded{.step = StartStandby{},
                                 .outcome = ActOutcome::Failed,
                                 .detail = "no space left",
                                 .ended_at = scene.now};
  const Admission refused = admit_restart(scene.seen);
  EXPECT_FALSE(refused.is_granted);
  EXPECT_NE(refused.detail.find("no space left"), std::string::npos);
  scene.seen.settings.paused = true;
  EXPECT_TRUE(admit_restart(scene.seen).is_granted) << "nothing else makes another attempt";
}

TEST(Restart, ThatCannotBeServedIsForgottenInTime) {
  Scene scene = standby_of_b();
  scene.seen.restart_request = RestartRequest{.id = 1, .timeout = {}, .asked_at = scene.now};
  EXPECT_FALSE(end_waiting_restart(scene.seen, scene.now + 59s, ""));
  EXPECT_TRUE(end_waiting_restart(scene.seen, scene.now + 60s, ""));
  scene.under_way(Restart{});
  EXPECT_FALSE(end_waiting_restart(scene.seen, scene.now + 60s, "")) << "its end answers";
}

TEST(Restart, ThatWaitedForAStartThatHasFailedIsAnswered) {
  Scene scene = standby_of_b();
  scene.seen.restart_request = RestartRequest{.id = 1, .timeout = {}, .asked_at = scene.now};
  EXPECT_FALSE(end_restart_of_failed_start(scene.seen)) << "it runs";
  scene.down(ControlState::ShutDown);
  EXPECT_FALSE(end_restart_of_failed_start(scene.seen)) << "nothing has failed";
  scene.seen.last_act = ActEnded{.step = StartStandby{},
                                 .outcome = ActOutcome::Failed,
                                 .detail = "no space left",
                                 .ended_at = scene.now};
  const auto answer = end_restart_of_failed_start(scene.seen);
  ASSERT_TRUE(answer);
  EXPECT_FALSE(answer->is_granted);
  EXPECT_NE(answer->detail.find("no space left"), std::string::npos);
  scene.seen.restart_request.reset();
  EXPECT_FALSE(end_restart_of_failed_start(scene.seen)) << "nobody waits";
}

TEST(ScheduledRestart, IsOneAtATime) {
  Scene scene = standby_of_b();
  EXPECT_FALSE(admit_unscheduling(scene.seen).is_granted);
  EXPECT_TRUE(admit_scheduled_restart(scene.seen).is_granted);
  scene.seen.scheduled_restart = ScheduledRestart{};
  EXPECT_FALSE(admit_scheduled_restart(scene.seen).is_granted);
  EXPECT_TRUE(admit_unscheduling(scene.seen).is_granted);
}

TEST(Reinitialize, NeedsAnotherWhoLeads) {
  Scene scene = standby_of_b();
  EXPECT_TRUE(admit_reinitialize(scene.seen, false).is_granted);
  scene.under_way(ExamineDivergence{});
  EXPECT_TRUE(admit_reinitialize(scene.seen, false).is_granted) << "the agent only looks";
  scene.under_way(StartStandby{});
  EXPECT_FALSE(admit_reinitialize(scene.seen, false).is_granted);
  EXPECT_TRUE(admit_reinitialize(scene.seen, true).is_granted);
  scene.cluster().leader.reset();
  EXPECT_FALSE(admit_reinitialize(scene.seen, true).is_granted);
  Scene leader("a");
  leader.led_by("a").primary(Lsn{100});
  EXPECT_FALSE(admit_reinitialize(leader.seen, true).is_granted);
}

}  // namespace
}  // namespace pgherd::test
