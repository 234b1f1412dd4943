// Node: one member of the herd, wired: the agent machine and its doors. It carries out commands by
// calling doors, and turns their answers into events. It holds the store session: first read,
// watch, read again after a loss. No I/O, no clock, no threads of its own: the daemon gives it real
// doors, the simulator invented ones, and both run this very code.
//
// Threads: everything happens on the owner's loop. Doors must outlive the Node.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "agent/agent.h"
#include "base/clock.h"
#include "dcs/dcs.h"
#include "dcs/layout.h"
#include "peers/peers.h"
#include "postgres/fence.h"
#include "postgres/instance.h"
#include "watchdog/watchdog.h"

namespace pgherd {

class StoreSession;

// An attempt to renew the lease has ended.
struct Renewal {
  bool is_confirmed = false;
  Duration took{};       // from its sending
  Duration lease_age{};  // how old the lease was by then, counted from the renewal before
  Milliseconds ttl{};    // of that lease
};

struct Doors {
  Clock& clock;
  Dcs& dcs;
  Instance& instance;
  Peers& peers;
  Fence& fence;
  Watchdog* watchdog = nullptr;  // nullptr: there is none, and the mode is off
};

// What the owner is told. All are optional.
struct NodeListener {
  // A decision changed something (started steps, refused, was told something).
  std::function<void(const Tell&)> on_decision;
  // A rule that is no part of a plan has spoken: an order to the guardian, or an answer.
  std::function<void(std::string_view rule)> on_rule;
  // After an event by which the agent let its last decision stand.
  std::function<void()> on_rest;
  // Each step that is started, before it is.
  std::function<void(const Step&)> on_start;
  std::function<void(const Renewal&)> on_renewal;
  // A step began or ended, one line for the log.
  std::function<void(const std::string&)> on_step;
  // `/config` has other content than before: PostgreSQL's parameters may have to change.
  std::function<void(const ConfigKey&)> on_config;
  // The agent is done (asked to leave, or refuses to go on). Nothing happens after that.
  std::function<void(const Exit&)> on_exit;
};

class Node {
 public:
  Node(Identity self, Settings initial, Layout layout, Doors doors, NodeListener listener);
  ~Node();
  Node(const Node&) = delete;
  Node& operator=(const Node&) = delete;

  void start();
  // SIGTERM: stops PostgreSQL, releases the key, ends with on_exit.
  void leave();
  // The local or dynamic configuration changed.
  void reconfigure(Identity self, Settings settings);
  void ask_restart(std::optional<Milliseconds> timeout,
                   std::function<void(bool succeeded, std::string detail)> answer);

  // These are answered before they return: granted, or why not.
  using Granted = std::function<void(bool is_granted, std::string why_not)>;
  void schedule_restart(ScheduledRestart request, Granted answer);
  void unschedule_restart(Granted answer);
  void ask_reinitialize(bool force, bool from_leader, Granted answer);
  // A primary without the store asks this node not to take its place for ttl.
  void ask_failsafe(FailsafePing ping, Granted answer);

  [[nodiscard]] const Agent& agent() const;
  // The last picture of the store, if it is one (REST: "cached cluster"); empty when silent for
  // ttl.
  [[nodiscard]] const Shared<ClusterView>& cluster() const;
  [[nodiscard]] bool leads() const;

 private:
  void post(Event event);
  void take(Event event);
  void carry_out(const Command& command);
  void order_fence(const FenceOrder& order);
  void give_answer(const AnswerRequest& answer);
  void tell_rule(std::string_view rule);
  void tell_renewal(const LeaseAnswer& answer, Instant sent);
  void start_step(const StartStep& command);
  // Who carries out each kind of step; a kind without anybody does not compile.
  template <EndsWith<StoreAnswer> S>
  void begin(const S& step, const StartStep& command);
  void begin(const GrantLease& step, const StartStep& command);
  void begin(const RenewLease& step, const StartStep& command);
  void begin(const RevokeLease& step, const StartStep& command);
  void begin(const ProbePeers& step, const StartStep& command);
  void begin(const AskFailsafe& step, const StartStep& command);
  void begin(const ObserveInstance& step, const StartStep& command);
  template <EndsWith<ActEnd> S>
  void begin(const S& step, const StartStep& command);
  template <EndsWith<WatchdogAnswer> S>
  void begin(const S& step, const StartStep& command);
  void begin(const CancelInstanceAct& step, const StartStep& command);
  void begin(const ExtendInstanceAct& step, const StartStep& command);
  void begin(const Exit& step, const StartStep& command);
  // What only the agent's picture holds: it has let go of it.
  void begin(const DropScheduledRestart&, const StartStep&) {}
  void begin(const DropReinitialize&, const StartStep&) {}
  void look_after(StepId id, ActEnd end);
  std::uint64_t expect(Granted answer);
  void note_config(const ClusterView& cluster);
  void end(const Exit& exit);

  Agent agent_;
  Layout layout_;
  Doors doors_;
  NodeListener listener_;
  std::unique_ptr<StoreSession> session_;
  std::unique_ptr<Alarm> alarm_;
  Instant alarm_at_;  // while alarm_ is set
  std::map<std::uint64_t, Granted> answers_;
  std::uint64_t next_request_ = 1;
  std::optional<std::string> config_json_;
  std::deque<Event> queue_;
  bool is_busy_ = false;
  bool has_ended_ = false;
  // An act of the instance lane has ended; PostgreSQL is looked at before that is told.
  struct LookingAfter {
    StepId id = 0;
    ActEnd end;
  };
  std::optional<LookingAfter> looking_after_;
  StepId told_unseen_ = 0;  // such an act whose end was told without a look
  std::shared_ptr<char> alive_ = std::make_shared<char>();  // callbacks hold it weakly
};

}  // namespace pgherd
