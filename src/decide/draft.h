// Draft: a decision being made. The rules read `seen` through it, add steps and reasons, and update
// the memory. Internal to this room.
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include "decide/decide.h"
#include "model/settings.h"

namespace pgherd {

enum class Leadership {
  Mine,    // `/leader` names me
  Others,  // it names somebody else
  Nobodys,
};

class Draft {
 public:
  Draft(const Observation& observation, const Memory& remembered, Instant moment);

  const Observation& seen;
  Memory memory;

  // ---- Facts -----------------------------------------------------------------------------------
  [[nodiscard]] const NodeName& me() const { return seen.self.name; }
  [[nodiscard]] const ClusterView& cluster() const { return *seen.store.cluster; }
  [[nodiscard]] Leadership leadership() const { return leadership_; }
  [[nodiscard]] bool has_lease() const;
  // `/initialize` is neither my claim nor the identifier of the data that lies here.
  [[nodiscard]] bool cluster_is_made_by_another() const;
  // `/leader` is mine, is not just being given back, the lease has so much left that PostgreSQL may
  // be open for writes, and no refusal (H4) that no renewal has followed forbids it.
  [[nodiscard]] bool may_lead() const;
  // A release of the key is under way, or was not answered and may yet be carried out.
  [[nodiscard]] bool may_be_releasing() const;
  [[nodiscard]] Instant demote_at() const;
  // As demote_at(), by the store's word alone: what members accept without it keeps a primary, and
  // makes none (K2).
  [[nodiscard]] Instant promote_before() const;
  // When D1 stops PostgreSQL. Later than demote_at() only after maintenance mode in which the lease
  // ran out, for nobody was held to it: the first renewal after it gets its time. Earlier when
  // members do not accept a leader without the store (H4).
  [[nodiscard]] Instant stop_at() const;
  // When a primary that the store does not confirm any more has to stop: what keeps others from
  // leading, the lease on which the key hangs or the acceptance of the members (H3), is about to
  // end. `led_since` is taken for the last renewal where this life of the agent knows of none.
  [[nodiscard]] Instant end_of_promises(Instant led_since) const;
  // Of the shortest lease by which the guardian may count: that by which this node led, or the one
  // on which the key may hang by now (sim seed 200030252).
  [[nodiscard]] LeaseMargins shortest_margins() const;
  // From when on a leader that members do not accept without the store may not lead (H4).
  [[nodiscard]] Instant refused_at() const;
  [[nodiscard]] const LeaseMargins& margins() const { return margins_; }
  [[nodiscard]] const InstanceView& instance() const { return seen.instance; }
  [[nodiscard]] bool has_act_under_way() const { return seen.is_under_way(Lane::Instance); }
  [[nodiscard]] bool act_may_be_tried() const { return has_come(memory.acts.retry_at); }
  // A peer's answer that is no older than a second, or nullptr.
  [[nodiscard]] const PeerView* fresh_peer(const NodeName& name) const;
  [[nodiscard]] Milliseconds probe_timeout() const;
  // The key as it is in the picture, given back with this status.
  [[nodiscard]] ReleaseLeaderKey release_of_leader_key(StatusKey status) const;
  // The newest timeline that is known to be, or that somebody else was going to begin.
  [[nodiscard]] Timeline newest_timeline_of_all() const;

  // ---- Time ------------------------------------------------------------------------------------
  // Whether an instant has come. If not, the decision is made again when it does: so no rule that
  // waits for time to pass is overlooked by an agent at rest (--check-rest of the simulator).
  [[nodiscard]] bool has_come(Instant at) const;
  // How long ago something was, for what is judged when something else happens. It wakes nobody.
  [[nodiscard]] Duration elapsed_since(Instant then) const { return now_ - then; }
  // The present moment, to be remembered or sent; what waits for time to pass asks has_come().
  [[nodiscard]] Instant moment() const { return now_; }
  // Decide again at that instant, or after that time, whatever happens.
  void wake(Instant at) const;
  void wake_in(Duration time) const { wake(now_ + time); }

  // ---- Conclusions -----------------------------------------------------------------------------
  void plan(Step step) { plan_.push_back(std::move(step)); }
  void because(std::string_view rule, std::string text);
  void warn(std::string_view rule, std::string text);  // an operator has to know
  [[nodiscard]] const Plan& planned() const { return plan_; }
  void rest(Duration look_every) { look_every_ = look_every; }
  [[nodiscard]] bool is_at_rest() const { return look_every_ > 0ns; }
  // This node has failed to lead, or gives way: others get their turn for as long, if there are
  // any.
  void leave_the_field_for(Duration time);
  // One line on the state of things, in Patroni's words where operators match on them.
  void say(std::string summary) { summary_ = std::move(summary); }
  [[nodiscard]] Member& own_member() { return own_member_; }
  void tell_watchdog_failed(bool has_failed) { watchdog_failed_ = has_failed; }
  [[nodiscard]] Decision finish();

 private:
  [[nodiscard]] Instant end_of_binding() const;

  const Instant now_;
  LeaseMargins margins_;
  Leadership leadership_;
  Plan plan_;
  std::vector<Reason> reasons_;
  // What was asked of the time is noted by the questions.
  mutable Instant wake_at_ = Instant::never();
  Duration look_every_{};
  std::string summary_;
  Member own_member_;
  bool watchdog_failed_ = false;
};

inline constexpr Duration kPeerFreshness = 1s;

}  // namespace pgherd
