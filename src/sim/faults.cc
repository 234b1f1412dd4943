#include "sim/faults.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace pgherd::sim {

const Faults::Kind& Faults::kind_of(FaultKind kind) {
  static constexpr Kind kKinds[] = {
      {"kill postmaster", &Faults::kill_postmaster},
      {"kill agent", &Faults::kill_agent},
      {"kill both", &Faults::kill_both},
      {"lose power", &Faults::lose_power},
      {"freeze agent", &Faults::freeze_agent},
      {"cut from store", &Faults::cut_from_store},
      {"cut from all", &Faults::cut_from_all},
      {"cut one way", &Faults::cut_one_way},
      {"cut pair", &Faults::cut_pair},
      {"lose messages", &Faults::lose_messages},
      {"delay messages", &Faults::delay_messages},
      {"store down", &Faults::stop_store},
      {"store cut off", &Faults::cut_store_off},
      {"store leader change", &Faults::change_store_leader},
      {"break watches", &Faults::break_watches},
      {"ask switchover", &Faults::ask_switchover},
      {"ask failover", &Faults::ask_failover},
      {"ask restart", &Faults::ask_restart},
      {"ask to leave", &Faults::ask_to_leave},
      {"change synchronous mode", &Faults::change_synchronous_mode},
      {"suspend machine", &Faults::suspend_machine},
      {"cut one link", &Faults::cut_link},
      {"compact the store", &Faults::compact_store},
      {"store read-only", &Faults::refuse_writes},
      {"fill a disk", &Faults::fill_disk},
      {"slow disks", &Faults::slow_disks},
      {"wall clock jump", &Faults::jump_wall_clock},
      {"change ttl", &Faults::change_ttl},
      {"delete a key", &Faults::delete_key},
      {"worst moment", &Faults::act_at_the_worst_moment},
      {"pause", &Faults::pause},
      {"ask reinitialize", &Faults::ask_reinitialize},
      {"schedule restart", &Faults::schedule_restart},
  };
  static_assert(std::size(kKinds) == kFaultKinds);
  return kKinds[static_cast<std::size_t>(kind)];
}

std::string_view name_of(FaultKind kind) {
  return Faults::kind_of(kind).name;
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
        world_.sim().queue.at(soon, [this] { act_at_the_worst_moment(*world_.hosts().front()); });
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

void Faults::inject(FaultKind kind, Host& target) {
  ++injected_;
  ++counts_[kind];
  tell([&] { return std::string(name_of(kind)) + " at " + target.name(); });
  (this->*kind_of(kind).begin)(target);
}

}  // namespace pgherd::sim
