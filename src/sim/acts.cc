#include "sim/acts.h"

#include <functional>
#include <map>

namespace pgherd::sim {
namespace {

void lose_mount(Host& host) {
  host.server().kill();
  host.server().directory().state = DataDirectory::Inaccessible;
}

// What the database of another cluster would look like.
void put_foreign_data(Host& host) {
  host.server().kill();
  host.server().directory().system_id = "7999999999999999999";
}

void have_archive(World& world, bool is_broken) {
  for (auto& host : world.hosts()) {
    host->server().has_archive = true;
    host->server().archive_is_broken = is_broken;
  }
}

void lose_everything(World& world) {
  for (const auto& entry : world.store().memory().read(world.key("")).entries)
    world.store().remove(entry.key);
}

// A script that has lost its mind: a request of another time, for another leader, a hundred times a
// second.
void write_requests(World& world) {
  world.referee().agents_are_hurried();
  for (int i = 0; i < 100; ++i) {
    world.sim().queue.in(i * 10ms, [&world] {
      world.store().put(world.key("failover"), R"({"leader":"nobody","member":"b"})");
    });
  }
}

}  // namespace

bool act_on_node(const std::string& what, Host& host) {
  static const std::map<std::string, std::function<void(Host&)>> kActs = {
      {"kill postmaster", [](Host& one) { one.server().kill(); }},
      {"kill agent", [](Host& one) { one.kill_agent(); }},
      {"kill both",
       [](Host& one) {
         one.server().kill();
         one.kill_agent();
       }},
      {"kill agent and guardian of", [](Host& one) { one.kill_agent_and_guardian(); }},
      {"start agent", [](Host& one) { one.start_agent(); }},
      {"freeze agent", [](Host& one) { one.freeze_agent(); }},
      {"suspend", [](Host& one) { one.suspend(); }},
      {"wake", [](Host& one) { one.resume(); }},
      {"thaw agent", [](Host& one) { one.thaw_agent(); }},
      {"power off", [](Host& one) { one.lose_power(); }},
      {"power on", [](Host& one) { one.restore_power(); }},
      {"restart", [](Host& one) { one.ask_restart(); }},
      {"leave", [](Host& one) { one.ask_to_leave(); }},
      {"reinitialize", [](Host& one) { one.ask_reinitialize(false); }},
      {"reinitialize by force", [](Host& one) { one.ask_reinitialize(true); }},
      {"schedule restart", [](Host& one) { one.schedule_restart(3s); }},
      {"promote by hand", [](Host& one) { one.server().promote(); }},
      {"stop by hand", [](Host& one) { one.server().shut_down(ShutdownMode::Fast, [] {}); }},
      {"fill the disk of", [](Host& one) { one.server().fill_disk(); }},
      {"promotions fail on", [](Host& one) { one.server().ends_when_promoted = true; }},
      {"promotions succeed on", [](Host& one) { one.server().ends_when_promoted = false; }},
      {"empty the disk of", [](Host& one) { one.server().disk_is_full = false; }},
      {"unmount the data of", lose_mount},
      {"mount the data of",
       [](Host& one) { one.server().directory().state = DataDirectory::Valid; }},
      {"put foreign data on", put_foreign_data},
      {"restore a backup on", [](Host& one) { one.server().restore_backup(); }},
      {"lose the data of", [](Host& one) { one.server().directory() = {}; }},
      {"keep a backup for", [](Host& one) { one.may_copy_without_leader = true; }},
      {"break the watchdog of", [](Host& one) { one.watchdog().break_device(); }},
      {"take away the watchdog of", [](Host& one) { one.watchdog().take_away(); }},
      {"keep armed the watchdog of", [](Host& one) { one.watchdog().keep_armed(); }},
      {"pause replay on", [](Host& one) { one.server().replay_is_paused = true; }},
      {"make a slot on", [](Host& one) { one.server().directory().slots["handmade"]; }},
  };
  const auto found = kActs.find(what);
  if (found == kActs.end()) return false;
  found->second(host);
  return true;
}

bool act_on_world(const std::string& whole, World& world) {
  static const std::map<std::string, std::function<void(World&)>> kActs = {
      {"heal", [](World& one) { one.sim().network.heal_all(); }},
      {"store down", [](World& one) { one.store().go_down(); }},
      {"store up", [](World& one) { one.store().come_back(); }},
      {"store takes no writes", [](World& one) { one.store().refuse_writes(); }},
      {"store takes writes", [](World& one) { one.store().allow_writes(); }},
      {"store loses everything", lose_everything},
      {"pause", [](World& one) { one.set_pause(true); }},
      {"resume", [](World& one) { one.set_pause(false); }},
      {"break watches",
       [](World& one) {
         for (auto& host : one.hosts())
           host->break_watches();
       }},
      {"a script writes requests", write_requests},
      {"archive is there", [](World& one) { have_archive(one, false); }},
      {"archive is cut short", [](World& one) { have_archive(one, true); }},
      {"acts fail", [](World& one) { one.sim().pace.failure_percent = 100; }},
      {"acts succeed", [](World& one) { one.sim().pace.failure_percent = 0; }},
  };
  const auto found = kActs.find(whole);
  if (found == kActs.end()) return false;
  found->second(world);
  return true;
}

bool set_pace(const std::string& what, Duration time, Pace& pace) {
  static const std::map<std::string, Range Pace::*> kActs = {
      {"start", &Pace::start_clean},
      {"crash recovery", &Pace::crash_recovery},
      {"promotion", &Pace::promote},
      {"shutdown", &Pace::shutdown},
      {"initdb", &Pace::bootstrap},
      {"copy", &Pace::clone},
      {"rewind", &Pace::rewind},
      {"reload", &Pace::reload},
      {"reconnecting", &Pace::reconnect},
      {"checkpoint", &Pace::checkpoint},
      {"a small act", &Pace::small_act},
      {"an unanswered question", &Pace::unanswered},
      {"archiving at a shutdown", &Pace::archive_at_shutdown},
  };
  const auto found = kActs.find(what);
  if (found == kActs.end()) return false;
  pace.*(found->second) = {.low = time, .high = time};
  return true;
}

}  // namespace pgherd::sim
