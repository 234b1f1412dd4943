#include "sim/run.h"

#include <algorithm>
#include <utility>

namespace pgherd::sim {
namespace {

constexpr Duration kCalm = 4s;  // at rest for that long is at rest
// However often a copy begins anew, the herd has to come to rest; after one it has that long.
constexpr Duration kLongestCopies = 600s;
constexpr Duration kAfterCopy = 30s;

struct Draw {
  std::vector<NodeName> names;
  std::vector<std::int64_t> drifts_ppm;
  std::map<NodeName, Tags> tags;
  std::vector<NodeName> without_watchdog;
  HerdPlan plan;
  std::vector<FaultKind> faults;
  Range faults_every{};
  bool is_formed = false;
  int slow_percent = 0;
  int failure_percent = 0;
  int writers = 0;
  int storms = 0;
  Range storm{10s, 40s};
};

// One draw in each statement: the order of operands is the compiler's choice.
std::string draw_config(Dice& dice) {
  std::string json = "{";
  const auto number = [&](const char* key, std::int64_t low, std::int64_t high) {
    json.append("\"")
        .append(key)
        .append("\":")
        .append(std::to_string(dice.between(low, high)))
        .append(",");
  };
  const auto flag = [&](const char* key, bool value) {
    json.append("\"").append(key).append(value ? "\":true," : "\":false,");
  };
  if (dice.chance(40)) {
    number("ttl", 3, 12);
    number("loop_wait", 1, 3);
    number("retry_timeout", 1, 3);
  } else {
    number("ttl", 15, 30);
    number("loop_wait", 2, 10);
    number("retry_timeout", 3, 10);
  }
  if (dice.chance(30)) number("maximum_lag_on_failover", 2'000, 50'000);
  if (dice.chance(30)) number("primary_start_timeout", 0, 5);
  flag("check_timeline", dice.chance(30));
  json += "\"postgresql\":{";
  const bool can_rewind = dice.chance(80);
  flag("use_slots", dice.chance(80));
  flag("use_pg_rewind", can_rewind);
  flag("remove_data_directory_on_rewind_failure", dice.chance(70));
  flag("remove_data_directory_on_diverged_timelines", !can_rewind || dice.chance(50));
  json.back() = '}';
  return json + "}";
}

// Drawn from dice of their own, so that older seeds keep their histories.
void draw_modes(std::uint64_t seed, Draw& drawn) {
  Dice dice(seed ^ 0xFA115AFEULL);
  std::string json = drawn.plan.config_json;
  if (dice.chance(30)) json.insert(1, "\"failsafe_mode\":true,");
  if (dice.chance(10)) json.insert(1, "\"primary_race_backoff\":5,");
  drawn.plan = HerdPlan(json);
  if (dice.chance(15)) drawn.plan.watchdog = WatchdogMode::Automatic;
  if (dice.chance(10)) drawn.plan.watchdog = WatchdogMode::Required;
  for (const auto kind :
       {FaultKind::Pause, FaultKind::AskReinitialize, FaultKind::ScheduleRestart}) {
    if (dice.chance(15)) drawn.faults.push_back(kind);
  }
}

// The usual herd has no section about the watchdog and no device: `automatic`, and nothing to use.
void draw_missing_watchdogs(std::uint64_t seed, Draw& drawn) {
  Dice dice(seed ^ 0xD06ULL);
  if (drawn.plan.watchdog == WatchdogMode::Off && dice.chance(60)) {
    drawn.plan.watchdog = WatchdogMode::Automatic;
    drawn.without_watchdog = drawn.names;
  } else if (drawn.plan.watchdog == WatchdogMode::Automatic) {
    for (const NodeName& name : drawn.names) {
      if (dice.chance(30)) drawn.without_watchdog.push_back(name);
    }
  }
}

Draw draw_everything(std::uint64_t seed) {
  Dice dice(seed ^ 0x5EEDULL);
  Draw drawn;
  static const char* const kNames[] = {"a", "b", "c", "d", "e", "f", "g"};
  const auto nodes = dice.chance(80) ? 3 : dice.between(2, 7);
  for (std::int64_t i = 0; i < nodes; ++i) {
    drawn.names.emplace_back(kNames[i]);
    drawn.drifts_ppm.push_back(dice.chance(30) ? dice.between(-50'000, 50'000) : 0);
  }
  if (nodes > 2 && dice.chance(15)) {  // the first stays free, so that somebody can lead
    auto& tags = drawn.tags[drawn.names[static_cast<std::size_t>(dice.between(1, nodes - 1))]];
    if (dice.chance(50)) {
      tags.nofailover = true;
      tags.failover_priority = 0;
      tags.published = R"({"nofailover":true})";
    } else {
      tags.failover_priority = static_cast<int>(dice.between(2, 5));
      tags.published = R"({"failover_priority":)" + std::to_string(tags.failover_priority) + "}";
    }
  }
  // Of its own dice, so that what was drawn for the other things stays what it was.
  Dice sync_dice(seed ^ 0x5CULL);
  auto config = draw_config(dice);
  if (sync_dice.chance(50)) config = "{" + draw_synchronous(sync_dice) + config.substr(1);
  drawn.plan = HerdPlan(config);
  drawn.is_formed = dice.chance(60);
  const int share = static_cast<int>(dice.between(10, 70));
  for (int kind = 0; kind < kFaultKinds; ++kind) {
    const auto fault = static_cast<FaultKind>(kind);
    if (fault != FaultKind::ChangeSynchronousMode && dice.chance(share))
      drawn.faults.push_back(fault);
  }
  if (sync_dice.chance(share / 2)) drawn.faults.push_back(FaultKind::ChangeSynchronousMode);
  const auto often = dice.between(500ms, 8s);
  drawn.faults_every = {often / 4, often * 2};
  drawn.slow_percent = dice.chance(40) ? static_cast<int>(dice.between(1, 15)) : 0;
  drawn.failure_percent = dice.chance(40) ? static_cast<int>(dice.between(1, 15)) : 0;
  drawn.writers = static_cast<int>(dice.between(1, 2));
  drawn.storms = static_cast<int>(dice.between(1, 4));
  drawn.storm = {60s / (drawn.storms + 2), 120s / (drawn.storms + 2)};
  draw_modes(seed, drawn);
  draw_missing_watchdogs(seed, drawn);
  return drawn;
}

void fill_report(World& world, const Faults& faults, RunReport& report) {
  const auto& referee = world.referee();
  report.events = world.sim().queue.events();
  report.virtual_time = world.now() - Instant{};
  report.faults = faults.counts();
  report.promotions = referee.promotions();
  report.clean_handovers = referee.clean_handovers();
  report.overtaken = referee.overtaken();
  report.lossy_handovers = referee.lossy_handovers();
  report.attempts = world.clients().attempts();
  report.acknowledged = world.clients().acknowledged().size();
  report.outages = world.clients().outages();
  report.synchronous_writes = referee.synchronous().synchronous_writes();
  report.judged_promotions = referee.synchronous().judged_promotions();
  if (const auto* primary = referee.primary()) {
    report.lost = count_lost(world.clients().acknowledged(), primary->directory().wal);
  }
  for (auto& host : world.hosts()) {
    report.fenced += host->guardian().kills();
  }
  report.rules = world.sim().rules;
  report.most_steps = referee.haste().most();
  report.most_wakes = referee.haste().most_wakes();
  report.digest = world.digest();
}

// The holder of the key is in crash recovery, for which primary_start_timeout waits: five minutes,
// if nobody has set it, as Patroni does. It may come up read-only and be promoted then (R11), and
// nobody else may lead where only the last leader has everything.
bool leader_recovers(World& world) {
  Host* leader = world.host(world.referee().last_leader());
  return leader != nullptr && leader->server().process() == ProcessState::Starting;
}

// Waits for rest; the failure if it does not come.
std::optional<std::string> settle(World& world, RunReport& report) {
  const auto healed = world.now();
  auto patience_since = healed;
  const auto bound = settle_bound(world.longest_ttl());
  const int promotions_before = world.referee().promotions();
  std::optional<Instant> calm_since;
  bool is_led = false;
  auto leaderless_since = healed;
  while (true) {
    if (!world.run_until(world.now() + 250ms)) return world.referee().violation();
    is_led = is_led || world.referee().primary() != nullptr;
    // Nobody can lead meanwhile.
    if (leader_recovers(world) || world.is_bootstrapping()) leaderless_since = world.now();
    if (!is_led && world.now() - leaderless_since > leader_bound(world.longest_ttl()))
      report.was_led_late = true;
    auto why_not = world.referee().unsettled();
    if (!why_not) why_not = world.unfinished();
    if (why_not) {
      calm_since.reset();
      if (world.is_copying() && world.now() - healed < kLongestCopies) {
        patience_since = std::max(patience_since, world.now() - bound + kAfterCopy);
      }
      if (world.now() - patience_since > bound) {
        return "L1: " + std::to_string(bound / 1s) + " s after the last fault: " + *why_not;
      }
      continue;
    }
    if (!calm_since) calm_since = world.now();
    if (world.now() - *calm_since >= kCalm) break;
    if (world.now() - patience_since > bound + kCalm) return "L2: the herd does not stay at rest";
  }
  report.settle_times.push_back(*calm_since - healed);
  const int promotions = world.referee().promotions() - promotions_before;
  if (promotions > kMaxPromotionsAfterFaults) {
    return "L3: " + std::to_string(promotions) + " promotions after the last fault";
  }
  return std::nullopt;
}

// At rest nothing happens: who leads goes on to lead, who follows follows.
std::optional<std::string> rest_until(World& world, Instant until) {
  const int openings = world.referee().openings();
  if (!world.run_until(until)) return world.referee().violation();
  if (world.referee().openings() != openings) return "L4: a change of primary without a cause";
  if (const auto why_not = world.referee().unsettled()) return "L4: without a cause " + *why_not;
  return std::nullopt;
}

void tell_story(World& world, const std::string& text) {
  world.sim().tell("story", [&] { return text; });
}

std::string describe(const Draw& drawn) {
  std::string text = std::to_string(drawn.names.size()) + " nodes" +
                     (drawn.is_formed ? ", a cluster that was there before" : ", no cluster yet") +
                     ", configuration " + drawn.plan.config_json + "\nFaults of this seed:";
  for (const auto kind : drawn.faults)
    text += " " + std::string(name_of(kind)) + ",";
  if (drawn.faults.empty()) text += " none,";
  text.back() = '.';
  return text;
}

}  // namespace

Duration leader_bound(Milliseconds ttl) {
  return 2 * ttl + Duration(20s);
}

Duration settle_bound(Milliseconds ttl) {
  return 2 * ttl + Duration(50s);
}

RunReport run_seed(std::uint64_t seed, const RunOptions& options) {
  const auto drawn = draw_everything(seed);
  World world(seed, drawn.names, drawn.plan, drawn.drifts_ppm);
  world.sim().checks_rest = options.checks_rest;
  if (options.listener) world.sim().story.listen(options.listener);
  world.sim().pace.slow_percent = drawn.slow_percent;
  world.sim().pace.failure_percent = drawn.failure_percent;
  tell_story(world, describe(drawn));
  for (const auto& [name, tags] : drawn.tags) {
    world.host(name)->tags = tags;
    world.host(name)->server().may_not_lead = tags.nofailover;
  }
  for (const NodeName& name : drawn.without_watchdog)
    world.host(name)->watchdog().take_away();
  if (drawn.is_formed) world.form_cluster();
  world.start_all_agents();
  world.clients().start(drawn.writers);
  Faults faults(world, drawn.faults, drawn.faults_every);

  RunReport report;
  const Pace pace = world.sim().pace;
  const auto between = options.length / drawn.storms;
  for (int storm = 0; storm < drawn.storms && !report.failure; ++storm) {
    world.sim().pace = pace;
    world.forget_longest_ttl();
    const auto length = options.storm > 0s ? options.storm : world.sim().draw(drawn.storm);
    const auto ends = world.now() + length;
    tell_story(world, "---- Storm " + std::to_string(storm + 1) + ": faults for " +
                          std::to_string(length / 1s) + " s");
    faults.run_until(ends);
    if (!world.run_until(ends)) {
      report.failure = world.referee().violation();
      break;
    }
    tell_story(world, "---- No more faults: the herd must come to rest");
    report.failure = settle(world, report);
    tell_story(world, "---- At rest: nothing may happen until the next storm");
    world.sim().pace.write_every = {5s, 30s};
    const auto until = std::max(Instant{} + between * (storm + 1), world.now());
    if (!report.failure) report.failure = rest_until(world, until);
  }
  fill_report(world, faults, report);
  if (!report.failure && report.lost > 0 && report.promotions == 0) {
    report.failure = "B0: " + std::to_string(report.lost) +
                     " acknowledged writes are lost though nobody was promoted";
  }
  return report;
}

}  // namespace pgherd::sim
