#include "sim/faults.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace pgherd::sim {

std::string_view name_of(FaultKind kind) {
  static constexpr std::string_view kNames[] = {
      "kill postmaster",
      "kill agent",
      "kill both",
      "lose power",
      "freeze agent",
      "cut from store",
      "cut from all",
      "cut one way",
      "cut pair",
      "lose messages",
      "delay messages",
      "store down",
      "store cut off",
      "store leader change",
      "break watches",
      "ask switchover",
      "ask failover",
      "ask restart",
      "ask to leave",
      "change synchronous mode",
      "suspend machine",
      "cut one link",
      "compact the store",
      "store read-only",
      "fill a disk",
      "slow disks",
      "wall clock jump",
      "change ttl",
      "delete a key",
      "worst moment",
      "pause",
      "ask reinitialize",
      "schedule restart",
  };
  static_assert(std::size(kNames) == kFaultKinds);
  return kNames[static_cast<std::size_t>(kind)];
}

Faults::Faults(World& world, std::vector<FaultKind> enabled, Range every)
    : world_(world), enabled_(std::move(enabled)), every_(every), ttl_(world.plan().settings.ttl) {}

bool Faults::is_enabled(FaultKind kind) const {
  return std::find(enabled_.begin(), enabled_.end(), kind) != enabled_.end();
}

void Faults::run_until(Instant until) {
  if (is_enabled(FaultKind::WorstMoment)) {
    world_.on_leader_change = [this, until] {
      const auto soon = world_.now() + dice().between(0ms, 400ms);
      if (soon < until && dice().chance(30)) {
        world_.sim().queue.at(soon, [this] { act_at_the_worst_moment(); });
      }
    };
  }
  if (!enabled_.empty()) next(until);
  world_.sim().queue.at(until, [this] { heal_everything(); });
}

void Faults::next(Instant until) {
  const auto when = world_.now() + world_.sim().draw(every_);
  if (when >= until) return;
  world_.sim().queue.at(when, [this, until] {
    const auto kind = enabled_[static_cast<std::size_t>(
        dice().between(0, static_cast<std::int64_t>(enabled_.size()) - 1))];
    inject(kind, dice().chance(60) ? likely_leader() : any_host());
    next(until);
  });
}

Host& Faults::any_host() {
  auto& hosts = world_.hosts();
  return *hosts[static_cast<std::size_t>(
      dice().between(0, static_cast<std::int64_t>(hosts.size()) - 1))];
}

Host& Faults::likely_leader() {
  Host* leader = world_.host(world_.referee().leader());
  return leader != nullptr ? *leader : any_host();
}

void Faults::heal_in(Range range, EventQueue::Call heal) {
  world_.sim().queue.in(world_.sim().draw(range),
                        [this, generation = generation_, heal = std::move(heal)]() mutable {
                          if (generation == generation_) heal();
                        });
}

void Faults::heal_everything() {
  ++generation_;
  world_.sim().tell("fault", [] { return "everything is healed"; });
  world_.sim().network.heal_all();
  world_.sim().network.set_delay(std::chrono::microseconds(200), 3ms);
  world_.on_leader_change = nullptr;
  world_.store().allow_writes();
  world_.sim().pace.slow_percent = 0;
  world_.sim().pace.failure_percent = 0;
  world_.store().come_back();
  if (counts_.contains(FaultKind::Pause)) world_.set_pause(false);
  for (auto& host : world_.hosts()) {
    host->server().disk_is_full = false;
    host->resume();
    host->restore_power();
    host->thaw_agent();
    host->start_agent();
    host->unschedule_restart();
  }
  // Who was about to leave goes, and is started again by hand.
  for (const auto after : {5s, 10s, 15s, 25s, 35s}) {
    world_.sim().queue.in(after, [this] {
      for (auto& host : world_.hosts()) {
        host->start_agent();
      }
    });
  }
}

void Faults::cut_from_all(Host& target, bool also_to, bool also_from) {
  auto& network = world_.sim().network;
  for (Place place = 0; place <= network.clients(); ++place) {
    if (place == target.place()) continue;
    if (also_from) network.cut(target.place(), place);
    if (also_to) network.cut(place, target.place());
  }
  heal_in({1s, 2 * ttl_}, [this, here = target.place()] {
    auto& links = world_.sim().network;
    for (Place place = 0; place <= links.clients(); ++place) {
      links.heal_both(here, place);
    }
  });
}

// One direction between any two: a message arrives, its answer does not.
void Faults::cut_link() {
  auto& network = world_.sim().network;
  const auto any_place = [&] { return static_cast<Place>(dice().between(0, network.clients())); };
  const Place from = any_place();
  const Place to = any_place();
  if (from == to) return;
  network.cut(from, to);
  heal_in({500ms, 2 * ttl_}, [&network, from, to] { network.heal(from, to); });
}

// `/config` with another ttl; everything else in it stays.
void Faults::change_ttl() {
  world_.patch_config("{\"ttl\":" + std::to_string(dice().between(3, 15)) + "}");
}

void Faults::delete_key() {
  static const char* const kLeaves[] = {"initialize", "config", "history", "status", "leader"};
  const std::string leaf = kLeaves[dice().between(0, 4)];
  // Only a leader can restore what is lost, and who deletes the leader key while messages are lost
  // asks for two leaders (docs/safety.md).
  const auto& judge = world_.referee();
  if (judge.primary() == nullptr || judge.primary()->name() != judge.leader() ||
      !world_.referee().health_referee().was_all_well_for(2s)) {
    return;
  }
  tell([&] { return "operator deletes /" + leaf; });
  world_.store().remove(world_.key(leaf));
}

void Faults::act_at_the_worst_moment() {
  Host& target = dice().chance(50) ? likely_leader() : any_host();
  switch (dice().between(0, 4)) {
    case 0:
      return ask(target, true);
    case 1:
      return ask(target, false);
    case 2:
      return target.ask_restart();
    case 3:
      return change_ttl();
    default:
      return target.server().kill();
  }
}

// What patronictl writes.
void Faults::ask(Host& target, bool is_switchover) {
  Host& leader = likely_leader();
  std::string json = "{";
  if (is_switchover) json += "\"leader\":\"" + leader.name() + "\"";
  const bool has_candidate = !is_switchover || dice().chance(60);
  if (has_candidate && is_switchover) json += ",";
  if (has_candidate)
    json += "\"member\":\"" + (&target == &leader ? any_host() : target).name() + "\"";
  json += "}";
  tell([&] { return "operator writes /failover " + json; });
  world_.store().put(world_.key("failover"), json);
}

std::string draw_synchronous(Dice& dice) {
  static const char* const kModes[] = {"off", "on", "on", "quorum", "quorum", "quorum"};
  std::string json = "\"synchronous_mode\":\"";
  json += kModes[dice.between(0, 5)];
  json += "\",\"synchronous_mode_strict\":";
  json += dice.chance(30) ? "true" : "false";
  json += ",\"synchronous_node_count\":" + std::to_string(dice.between(1, 3)) + ",";
  if (dice.chance(20)) {
    json += "\"maximum_lag_on_syncnode\":" + std::to_string(dice.between(500, 5000)) + ",";
  }
  return json;
}

void Faults::change_synchronous_mode() {
  std::string patch = "{" + draw_synchronous(dice());
  patch.back() = '}';
  world_.patch_config(patch);
}

void Faults::inject(FaultKind kind, Host& target) {
  ++injected_;
  ++counts_[kind];
  auto& sim = world_.sim();
  auto& network = sim.network;
  const auto store = network.store();
  const auto here = target.place();
  tell([&] { return std::string(name_of(kind)) + " at " + target.name(); });
  switch (kind) {
    case FaultKind::KillPostmaster:
      target.server().kill();
      break;
    case FaultKind::KillBoth:
      target.server().kill();
      [[fallthrough]];
    case FaultKind::KillAgent:
      target.kill_agent();
      heal_in({100ms, 2 * ttl_}, [&target] { target.start_agent(); });
      break;
    case FaultKind::LosePower:
      target.lose_power();
      heal_in({500ms, 3 * ttl_}, [&target] { target.restore_power(); });
      break;
    case FaultKind::FreezeAgent:
      target.freeze_agent();
      heal_in({100ms, 2 * ttl_}, [&target] { target.thaw_agent(); });
      break;
    case FaultKind::CutFromStore:
      network.cut_both(here, store);
      heal_in({500ms, 2 * ttl_}, [&network, here, store] { network.heal_both(here, store); });
      break;
    case FaultKind::CutFromAll:
      cut_from_all(target, true, true);
      break;
    case FaultKind::CutOneWay: {
      const bool is_outgoing = dice().chance(50);
      cut_from_all(target, !is_outgoing, is_outgoing);
      break;
    }
    case FaultKind::CutPair: {
      const auto there = any_host().place();
      if (there == here) break;
      network.cut_both(here, there);
      heal_in({500ms, 2 * ttl_}, [&network, here, there] { network.heal_both(here, there); });
      break;
    }
    case FaultKind::LoseMessages:
      network.set_loss(static_cast<int>(dice().between(1, 25)));
      heal_in({500ms, 2 * ttl_}, [&network] { network.set_loss(0); });
      break;
    case FaultKind::DelayMessages: {
      const auto high = dice().between(20ms, 1500ms);
      network.set_delay(1ms, high);
      heal_in({500ms, 2 * ttl_},
              [&network] { network.set_delay(std::chrono::microseconds(200), 3ms); });
      break;
    }
    case FaultKind::StoreDown:
      world_.store().go_down();
      heal_in({300ms, 2 * ttl_}, [this] { world_.store().come_back(); });
      break;
    case FaultKind::StoreCutFromAll:
      for (Place place = 0; place < network.nodes(); ++place) {
        network.cut_both(place, store);
      }
      heal_in({300ms, 2 * ttl_}, [&network, store] {
        for (Place place = 0; place < network.nodes(); ++place) {
          network.heal_both(place, store);
        }
      });
      break;
    case FaultKind::StoreLeaderChange:
      world_.store().change_leader(dice().between(50ms, 1500ms));
      break;
    case FaultKind::BreakWatches:
      for (auto& host : world_.hosts()) {
        host->break_watches();
      }
      break;
    case FaultKind::AskSwitchover:
      ask(target, true);
      break;
    case FaultKind::AskFailover:
      ask(target, false);
      break;
    case FaultKind::AskRestart:
      target.ask_restart();
      break;
    case FaultKind::ChangeSynchronousMode:
      change_synchronous_mode();
      break;
    case FaultKind::SuspendMachine:
      target.suspend();
      heal_in({100ms, 3 * ttl_}, [&target] { target.resume(); });
      break;
    case FaultKind::CutLinkOneWay:
      cut_link();
      break;
    case FaultKind::CompactStore:
      world_.store().compact();
      for (auto& host : world_.hosts()) {
        if (dice().chance(50)) host->break_watches();
      }
      break;
    case FaultKind::StoreReadOnly:
      world_.store().refuse_writes();
      heal_in({300ms, 2 * ttl_}, [this] { world_.store().allow_writes(); });
      break;
    case FaultKind::FillDisk:
      target.server().fill_disk();
      heal_in({1s, 3 * ttl_}, [&target] { target.server().disk_is_full = false; });
      break;
    case FaultKind::SlowDisks: {
      const int before = sim.pace.slow_percent;
      sim.pace.slow_percent = static_cast<int>(dice().between(20, 80));
      heal_in({1s, 2 * ttl_}, [&sim, before] { sim.pace.slow_percent = before; });
      break;
    }
    case FaultKind::JumpWallClock:
      target.jump_wall_clock(dice().between(-3600s, 3600s));
      break;
    case FaultKind::ChangeTtl:
      change_ttl();
      break;
    case FaultKind::DeleteKey:
      delete_key();
      break;
    case FaultKind::WorstMoment:
      act_at_the_worst_moment();
      break;
    case FaultKind::Pause:
      world_.set_pause(true);
      heal_in({1s, 4 * ttl_}, [this] { world_.set_pause(false); });
      break;
    case FaultKind::AskReinitialize:
      target.ask_reinitialize(dice().chance(50));
      break;
    case FaultKind::ScheduleRestart:
      target.schedule_restart(dice().between(1s, 10s));
      break;
    case FaultKind::AskToLeave:
      target.ask_to_leave();
      heal_in({1s, 3 * ttl_}, [&target] {
        target.kill_agent();
        target.start_agent();
      });
      break;
  }
}

}  // namespace pgherd::sim
