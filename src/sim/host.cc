#include "sim/host.h"

#include <utility>

#include "base/check.h"
#include "codec/dcs_values.h"
#include "codec/tags.h"
#include "sim/rest_check.h"

namespace pgherd::sim {

HerdPlan::HerdPlan(std::string json) : config_json(std::move(json)) {
  const auto read = decode_settings(config_json);
  PGHERD_CHECK(read.has_value(), "the agents would run with other settings than the referee knows");
  settings = *read;
}

// One life of the agent. The Node is last, so that it goes first.
struct Host::Life {
  Life(Host& host, NodeListener listener)
      : mailbox(std::make_shared<Mailbox>()),
        clock(host.sim_.queue, host.time_, host.wall_offset_, mailbox,
              [&host] {
                if (host.on_woken) host.on_woken();
              }),
        dcs(host.sim_, host.store_, host.place(), host.time_, mailbox),
        instance(host.sim_, host.servers_, host.server_, host.time_, mailbox, host.witness),
        peers(host.sim_, host.place(), host.time_, mailbox, host.find_peer, host.ask_peer,
              host.ask_failsafe),
        watchdog(host.watchdog_, host.sim_, mailbox),
        node(host.identity(), host.plan_.settings,
             Layout("service", host.plan_.scope, host.name(), host.read_values),
             Doors{.clock = clock,
                   .dcs = dcs,
                   .instance = instance,
                   .peers = peers,
                   .fence = host.guardian_,
                   .watchdog = &watchdog},
             std::move(listener)) {}
  ~Life() { mailbox->close(); }
  Life(const Life&) = delete;
  Life& operator=(const Life&) = delete;

  std::shared_ptr<Mailbox> mailbox;
  SimClock clock;
  SimDcs dcs;
  SimInstance instance;
  SimPeers peers;
  WatchdogDoor watchdog;
  Node node;
};

Host::Host(SimContext& sim, Store& store, const Servers& servers, const HerdPlan& plan, Place place,
           NodeName name, std::int64_t drift_ppm)
    : sim_(sim),
      store_(store),
      servers_(servers),
      plan_(plan),
      drift_ppm_(drift_ppm),
      time_(sim.queue.now(), drift_ppm),
      server_(sim, servers, place, std::move(name)),
      guardian_(sim, time_, server_),
      watchdog_(sim, time_, [this] { reset_machine(); }) {}

Host::~Host() {
  life_.reset();
}

Identity Host::identity() const {
  Identity self;
  self.name = name();
  self.conn_url = "postgres://" + name() + ":5432/postgres";
  self.api_url = "http://" + name() + ":8008/patroni";
  self.version = "4.1.4";
  self.tags = tags;
  self.released_tags = released_from_sync(self.tags);
  self.may_bootstrap = !tags.nofailover;
  self.may_copy_without_leader = may_copy_without_leader;
  self.bootstrap_config = plan_.config_json;
  self.configuration = "1";
  self.watchdog_mode = plan_.watchdog;
  self.watchdog_margin = Milliseconds(-1);
  return self;
}

NodeListener Host::listener() {
  NodeListener listener;
  listener.on_decision = [this](const Tell& decision) {
    for (const auto& reason : decision.reasons)
      ++sim_.rules[reason.rule];
    if (sim_.story.is_heard()) told(decision);
  };
  listener.on_rule = [this](std::string_view rule) { ++sim_.rules[std::string(rule)]; };
  listener.on_start = [this](const Step& step) {
    if (on_step_started) on_step_started(step);
  };
  if (sim_.checks_rest) {
    listener.on_rest = [this] {
      if (!life_) return;
      const auto what = overlooked_at_rest(life_->node.agent(), life_->clock.now());
      if (!what.empty() && on_overlooked) on_overlooked(what);
    };
  }
  if (sim_.story.is_heard()) {
    listener.on_step = [this](const std::string& line) {
      sim_.tell(name(), [&] { return "  " + line; });
    };
  }
  listener.on_exit = [this](const Exit& exit) {
    sim_.tell(name(), [&] {
      return "agent exits with " + std::to_string(exit.exit_code) + ": " + exit.message;
    });
    // The Node is still on the stack.
    sim_.queue.in(Duration(1), [this, life = lives_, exit] {
      if (life != lives_ || !life_) return;
      kill_agent();
      if (exit.exit_code == 0) return;
      obey_advice(exit.message);
      sim_.queue.in(5s, [this] { start_agent(); });
    });
  };
  return listener;
}

// What the message asks of a person: foreign data is moved away by hand.
void Host::obey_advice(const std::string& message) {
  if (message.find("system ID mismatch") == std::string::npos) return;
  sim_.tell(name(), [] { return "operator moves the foreign data away"; });
  server_.kill();
  server_.directory() = SimServer::Directory{};
}

// What was told under the same headline is not told again.
void Host::told(const Tell& decision) {
  const bool is_new = decision.summary != last_summary_;
  if (is_new) told_reasons_.clear();
  last_summary_ = decision.summary;
  std::string text = decision.summary;
  bool has_more = is_new && !text.empty();
  for (const auto& reason : decision.reasons) {
    const std::string line = "[" + reason.rule + "] " + reason.text;
    if (!told_reasons_.insert(line).second) continue;
    text += (text.empty() ? "" : "\n                  ") + line;
    has_more = true;
  }
  if (has_more) sim_.tell(name(), [&] { return text; });
}

bool Host::is_frozen() const {
  return life_ && life_->mailbox->is_frozen();
}

Node* Host::node() {
  return life_ ? &life_->node : nullptr;
}

// As the REST API answers: the position is looked up for everybody who asks.
std::optional<PeerView> Host::answer_peer() const {
  if (!life_ || is_frozen()) return std::nullopt;
  const auto& seen = life_->node.agent().picture().instance;
  PeerView view;
  view.is_reachable = seen.process == ProcessState::Running && seen.in_recovery.has_value();
  if (!view.is_reachable) {
    view.problem = "its postgres does not answer";
    const auto role = life_->node.agent().last_decision().own_member.role;
    view.is_closing = role == MemberRole::Primary && seen.process == ProcessState::Stopping;
    view.is_demoted = role == MemberRole::Demoted;
    return view;
  }
  view.in_recovery = *seen.in_recovery;
  const bool is_as_seen = server_.is_in_recovery() == view.in_recovery;
  if (view.in_recovery)
    view.position = is_as_seen ? server_.directory().wal.end() : seen.position();
  view.timeline = seen.timeline;
  view.is_streaming = seen.is_streaming;
  view.nofailover = tags.nofailover;
  view.failover_priority = tags.failover_priority;
  view.watchdog_failed = life_->node.agent().last_decision().watchdog_failed;
  view.failed_promotions = life_->node.agent().last_decision().failed_promotions;
  return view;
}

void Host::start_agent() {
  if (life_ || !has_power_ || is_suspended_) return;
  ++lives_;
  last_summary_.clear();
  told_reasons_.clear();
  sim_.tell(name(), [] { return "agent starts"; });
  well_since_ = sim_.queue.now();
  server_.may_be_removed = false;  // a request dies with the agent
  life_ = std::make_unique<Life>(*this, listener());
  life_->node.start();
}

void Host::kill_agent() {
  if (!life_) return;
  sim_.tell(name(), [] { return "agent is gone"; });
  life_.reset();
}

void Host::kill_agent_and_guardian() {
  kill_agent();
  guardian_.disarm();
  sim_.tell(name(), [] { return "guardian is gone, and PostgreSQL with it"; });
  server_.shut_down(ShutdownMode::Immediate, [] {});
}

void Host::freeze_agent() {
  if (!life_ || is_frozen()) return;
  sim_.tell(name(), [] { return "agent is frozen"; });
  life_->mailbox->freeze();
}

void Host::thaw_agent() {
  if (!life_ || !is_frozen() || is_suspended_) return;
  sim_.tell(name(), [] { return "agent goes on"; });
  well_since_ = sim_.queue.now();
  life_->mailbox->thaw();
}

void Host::ask_to_leave() {
  if (!life_) return;
  sim_.tell(name(), [] { return "agent is asked to leave"; });
  life_->mailbox->deliver([this] { life_->node.leave(); });
  const Instant asked = sim_.queue.now();
  sim_.queue.in(kLeavesWithin, [this, asked, life = lives_] {
    const bool was_well = life_ && lives_ == life && !is_frozen() && well_since_ <= asked;
    if (was_well && on_staying) on_staying();
  });
}

void Host::ask_restart() {
  if (!life_) return;
  sim_.tell(name(), [] { return "operator asks for a restart"; });
  life_->mailbox->deliver([this] {
    life_->node.ask_restart(std::nullopt, [this](bool succeeded, const std::string& detail) {
      sim_.tell(name(), [&] {
        return std::string("restart ") + (succeeded ? "succeeded" : "failed: " + detail);
      });
    });
  });
}

void Host::ask_reinitialize(bool force) {
  if (!life_) return;
  sim_.tell(name(), [&] {
    return std::string("operator asks to reinitialize") + (force ? ", by force" : "");
  });
  life_->mailbox->deliver([this, force] {
    life_->node.ask_reinitialize(force, false, [this](bool is_granted, const std::string& why) {
      server_.may_be_removed = server_.may_be_removed || is_granted;
      if (is_granted) ++server_.fresh_copies_granted;
      if (!is_granted) sim_.tell(name(), [&] { return "refused: " + why; });
    });
  });
}

void Host::schedule_restart(Duration ahead) {
  if (!life_) return;
  life_->mailbox->deliver([this, ahead] {
    ScheduledRestart request;
    request.at = life_->clock.wall_now();
    request.at.microseconds += ahead / std::chrono::microseconds(1);
    request.postmaster_start_time = life_->node.agent().picture().instance.postmaster_start_time;
    request.published = R"({"schedule":"in a moment"})";
    life_->node.schedule_restart(
        std::move(request), [this](bool is_granted, const std::string& why) {
          sim_.tell(name(), [&] {
            return is_granted ? "a restart is scheduled" : "no restart is scheduled: " + why;
          });
        });
  });
}

void Host::unschedule_restart() {
  if (!life_) return;
  life_->mailbox->deliver(
      [this] { life_->node.unschedule_restart([](bool, const std::string&) {}); });
}

std::optional<bool> Host::answer_failsafe(const FailsafePing& ping) {
  if (!life_ || is_frozen()) return std::nullopt;
  std::optional<bool> accepted;
  life_->node.ask_failsafe(
      ping, [&accepted](bool is_granted, const std::string&) { accepted = is_granted; });
  return accepted;
}

void Host::break_watches() {
  if (life_) life_->dcs.break_watches();
}

void Host::suspend() {
  if (!has_power_ || is_suspended_) return;
  sim_.tell(name(), [] { return "machine is suspended"; });
  is_suspended_ = true;
  sim_.network.isolate(place());
  guardian_.suspend();
  server_.suspend();
  if (life_) life_->mailbox->freeze();
}

// The guardian's timer first: that is why it is a process with nothing else to do.
void Host::resume() {
  if (!is_suspended_) return;
  sim_.tell(name(), [] { return "machine wakes up"; });
  is_suspended_ = false;
  guardian_.resume();
  sim_.network.rejoin(place());
  server_.resume();
  well_since_ = sim_.queue.now();
  if (life_) life_->mailbox->thaw();
}

void Host::lose_power() {
  if (!has_power_) return;
  sim_.tell(name(), [] { return "machine loses power"; });
  has_power_ = false;
  if (std::exchange(is_suspended_, false)) sim_.network.rejoin(place());
  life_.reset();
  guardian_.lose_power();
  watchdog_.disarm();
  server_.kill();
  server_.resume();
}

void Host::reset_machine() {
  sim_.tell(name(), [] { return "the watchdog resets the machine"; });
  lose_power();
  sim_.queue.in(3s, [this] { restore_power(); });
}

void Host::restore_power() {
  if (has_power_) return;
  sim_.tell(name(), [] { return "machine boots"; });
  has_power_ = true;
  time_ = LocalTime(sim_.queue.now(), drift_ppm_);
  start_agent();
}

}  // namespace pgherd::sim
