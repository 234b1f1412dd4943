// What each kind of fault does, and how it heals.
#include "sim/faults.h"

namespace pgherd::sim {

// ---- A node ---------------------------------------------------------------------------------

void Faults::kill_postmaster(Host& target) {
  target.server().kill();
}

void Faults::kill_agent(Host& target) {
  target.kill_agent();
  heal_in({100ms, 2 * ttl_}, [&target] { target.start_agent(); });
}

void Faults::kill_both(Host& target) {
  kill_postmaster(target);
  kill_agent(target);
}

void Faults::lose_power(Host& target) {
  target.lose_power();
  heal_in({500ms, 3 * ttl_}, [&target] { target.restore_power(); });
}

void Faults::freeze_agent(Host& target) {
  target.freeze_agent();
  heal_in({100ms, 2 * ttl_}, [&target] { target.thaw_agent(); });
}

void Faults::suspend_machine(Host& target) {
  target.suspend();
  heal_in({100ms, 3 * ttl_}, [&target] { target.resume(); });
}

void Faults::fill_disk(Host& target) {
  target.server().fill_disk();
  heal_in({1s, 3 * ttl_}, [&target] { target.server().disk_is_full = false; });
}

void Faults::slow_disks(Host&) {
  auto& pace = world_.sim().pace;
  const int before = pace.slow_percent;
  pace.slow_percent = static_cast<int>(dice().between(20, 80));
  heal_in({1s, 2 * ttl_}, [&pace, before] { pace.slow_percent = before; });
}

void Faults::jump_wall_clock(Host& target) {
  target.jump_wall_clock(dice().between(-3600s, 3600s));
}

// ---- The network ----------------------------------------------------------------------------

void Faults::cut_from_store(Host& target) {
  auto& network = world_.sim().network;
  const Place here = target.place();
  const Place store = network.store();
  network.cut_both(here, store);
  heal_in({500ms, 2 * ttl_}, [&network, here, store] { network.heal_both(here, store); });
}

void Faults::cut_from_all(Host& target) {
  cut_off(target, true, true);
}

void Faults::cut_one_way(Host& target) {
  const bool is_outgoing = dice().chance(50);
  cut_off(target, !is_outgoing, is_outgoing);
}

void Faults::cut_off(Host& target, bool also_to, bool also_from) {
  auto& network = world_.sim().network;
  for (Place place = 0; place <= network.clients(); ++place) {
    if (place == target.place()) continue;
    if (also_from) network.cut(target.place(), place);
    if (also_to) network.cut(place, target.place());
  }
  heal_in({1s, 2 * ttl_}, [&network, here = target.place()] {
    for (Place place = 0; place <= network.clients(); ++place)
      network.heal_both(here, place);
  });
}

void Faults::cut_pair(Host& target) {
  auto& network = world_.sim().network;
  const Place here = target.place();
  const Place there = any_host().place();
  if (there == here) return;
  network.cut_both(here, there);
  heal_in({500ms, 2 * ttl_}, [&network, here, there] { network.heal_both(here, there); });
}

// One direction between any two: a message arrives, its answer does not.
void Faults::cut_link(Host&) {
  auto& network = world_.sim().network;
  const auto any_place = [&] { return static_cast<Place>(dice().between(0, network.clients())); };
  const Place from = any_place();
  const Place to = any_place();
  if (from == to) return;
  network.cut(from, to);
  heal_in({500ms, 2 * ttl_}, [&network, from, to] { network.heal(from, to); });
}

void Faults::lose_messages(Host&) {
  auto& network = world_.sim().network;
  network.set_loss(static_cast<int>(dice().between(1, 25)));
  heal_in({500ms, 2 * ttl_}, [&network] { network.set_loss(0); });
}

void Faults::delay_messages(Host&) {
  auto& network = world_.sim().network;
  network.set_delay(1ms, dice().between(20ms, 1500ms));
  heal_in({500ms, 2 * ttl_},
          [&network] { network.set_delay(std::chrono::microseconds(200), 3ms); });
}

// ---- The store ------------------------------------------------------------------------------

void Faults::stop_store(Host&) {
  world_.store().go_down();
  heal_in({300ms, 2 * ttl_}, [this] { world_.store().come_back(); });
}

void Faults::cut_store_off(Host&) {
  auto& network = world_.sim().network;
  for (Place place = 0; place < network.nodes(); ++place)
    network.cut_both(place, network.store());
  heal_in({300ms, 2 * ttl_}, [&network] {
    for (Place place = 0; place < network.nodes(); ++place)
      network.heal_both(place, network.store());
  });
}

void Faults::change_store_leader(Host&) {
  world_.store().change_leader(dice().between(50ms, 1500ms));
}

void Faults::refuse_writes(Host&) {
  world_.store().refuse_writes();
  heal_in({300ms, 2 * ttl_}, [this] { world_.store().allow_writes(); });
}

void Faults::break_watches(Host&) {
  for (auto& host : world_.hosts())
    host->break_watches();
}

void Faults::compact_store(Host&) {
  world_.store().compact();
  for (auto& host : world_.hosts()) {
    if (dice().chance(50)) host->break_watches();
  }
}

void Faults::delete_key(Host&) {
  static const char* const kLeaves[] = {"initialize", "config", "history", "status", "leader"};
  const std::string leaf = kLeaves[dice().between(0, 4)];
  // Only a leader can restore what is lost, and who deletes the leader key while messages are lost
  // asks for two leaders (docs/safety.md).
  auto& judge = world_.referee();
  if (judge.primary() == nullptr || judge.primary()->name() != judge.leader() ||
      !judge.health_referee().was_all_well_for(2s)) {
    return;
  }
  tell([&] { return "operator deletes /" + leaf; });
  world_.store().remove(world_.key(leaf));
}

// ---- People ---------------------------------------------------------------------------------

void Faults::ask_switchover(Host& target) {
  ask_handover(target, true);
}

void Faults::ask_failover(Host& target) {
  ask_handover(target, false);
}

// What patronictl writes.
void Faults::ask_handover(Host& target, bool is_switchover) {
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

void Faults::ask_restart(Host& target) {
  target.ask_restart();
}

void Faults::schedule_restart(Host& target) {
  target.schedule_restart(dice().between(1s, 10s));
}

void Faults::ask_reinitialize(Host& target) {
  target.ask_reinitialize(dice().chance(50));
}

void Faults::ask_to_leave(Host& target) {
  target.ask_to_leave();
  heal_in({1s, 3 * ttl_}, [&target] {
    target.kill_agent();
    target.start_agent();
  });
}

void Faults::pause(Host&) {
  world_.set_pause(true);
  heal_in({1s, 4 * ttl_}, [this] { world_.set_pause(false); });
}

// `/config` with another ttl; everything else in it stays.
void Faults::change_ttl(Host&) {
  world_.patch_config("{\"ttl\":" + std::to_string(dice().between(3, 15)) + "}");
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

void Faults::change_synchronous_mode(Host&) {
  std::string patch = "{" + draw_synchronous(dice());
  patch.back() = '}';
  world_.patch_config(patch);
}

// Whoever the fault was meant for: the leader has changed, or is about to.
void Faults::act_at_the_worst_moment(Host&) {
  Host& target = dice().chance(50) ? likely_leader() : any_host();
  switch (dice().between(0, 4)) {
    case 0:
      return ask_switchover(target);
    case 1:
      return ask_failover(target);
    case 2:
      return ask_restart(target);
    case 3:
      return change_ttl(target);
    default:
      return kill_postmaster(target);
  }
}

}  // namespace pgherd::sim
