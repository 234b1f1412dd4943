// SimInstance: the agent's door to its invented PostgreSQL: one long act at a time, small acts
// beside it, in drawn times, now and then failing. It lives as long as one life of the agent: what
// an act had begun in a child process (a copy, a rewind, initdb) dies with it, what the postmaster
// was told to do goes on.
#pragma once

#include <functional>
#include <memory>

#include "postgres/instance.h"
#include "sim/local_time.h"
#include "sim/mailbox.h"
#include "sim/server.h"
#include "sim/sim_context.h"

namespace pgherd::sim {

// What the referee hears of acts that could destroy data.
struct ActWitness {
  virtual ~ActWitness() = default;
  virtual void rewinding(const SimServer& target, const SimServer& source) = 0;
  virtual void removing(const SimServer& target) = 0;
};

class SimInstance final : public Instance {
 public:
  SimInstance(SimContext& sim, const Servers& servers, SimServer& server, const LocalTime& time,
              std::shared_ptr<Mailbox> mailbox, ActWitness* witness);
  ~SimInstance() override;
  SimInstance(const SimInstance&) = delete;
  SimInstance& operator=(const SimInstance&) = delete;

  void perform(const Step& step, std::function<void(ActResult)> done) override;
  void cancel() override;
  void extend(Instant lease_valid_until) override;
  void observe(std::function<void(InstanceView)> seen) override;
  void on_change(std::function<void(InstanceView)> handler) override;

 private:
  using Done = std::function<void(ActResult)>;

  void begin(const Bootstrap& step);
  void begin(const SetAsideDataDirectory& step);
  void begin(const CloneFrom& step);
  void begin(const StartPrimary& step);
  void begin(const StartStandby& step);
  void begin(const Follow& step);
  void begin(const Promote& step);
  void begin(const Demote& step);
  void begin(const Stop& step);
  void begin(const Restart& step);
  void begin(const CopySlots& step);
  void begin(const ExamineDivergence& step);
  void begin(const Rewind& step);
  void begin(const RemoveDataDirectory& step);
  void small(const Step& step, Done done);
  void set_sync_names(const SetSyncNames& step, Done done);

  void start(bool as_standby);
  void stop(bool is_fast);
  void copy_on(const std::string& host, std::uint64_t pid_of_source, Instant until,
               bool must_be_primary, std::function<void(const SimServer*)> copied);
  void end(ActOutcome outcome, std::string detail = {},
           std::optional<DivergenceSeen> divergence = {});
  // What the agent does next in an act: a frozen one does it when it goes on.
  void after(Duration time, EventQueue::Call call);
  // What a child process does by itself.
  void child_after(Duration time, EventQueue::Call call);
  void interrupt_child();
  [[nodiscard]] SimServer* reachable(const std::string& host) const;
  [[nodiscard]] DivergenceSeen compare(const Upstream& source) const;
  [[nodiscard]] InstanceView view_now() const;
  [[nodiscard]] Instant local_now() const { return time_.local(sim_.queue.now()); }
  [[nodiscard]] bool try_directory(const char* what);

  SimContext& sim_;
  const Servers& servers_;
  SimServer& server_;
  const LocalTime& time_;
  std::shared_ptr<Mailbox> mailbox_;
  ActWitness* witness_;

  Done done_;              // of the long act under way
  std::uint64_t act_ = 0;  // number of it; calls of earlier ones are void
  bool is_cancelled_ = false;
  Instant lease_valid_until_ = Instant::never();  // of the act under way
  enum class Child { None, Clone, Rewind, Initdb } child_ = Child::None;
  // The names that were last known to be in force everywhere, and in which postmaster.
  struct InForce {
    std::int64_t pid = 0;
    std::string text;
    Lsn since;
  } in_force_;
  bool is_past_return_ = false;  // a promotion that nothing undoes any more
  bool is_promotion_ = false;
  std::shared_ptr<bool> is_alive_ = std::make_shared<bool>(true);
};

// How two logs relate as far as control files, history files and positions tell.
[[nodiscard]] Divergence judge_divergence(const SimServer& local, const SimServer& source,
                                          std::string& detail);

}  // namespace pgherd::sim
