#include "sim/summary.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <functional>
#include <istream>
#include <numeric>
#include <ostream>
#include <stdexcept>

namespace pgherd::sim {
namespace {

std::string in_seconds(Duration time) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.1f", std::chrono::duration<double>(time).count());
  return text.data();
}

std::string distribution(std::vector<Duration> times) {
  if (times.empty()) return "none";
  std::sort(times.begin(), times.end());
  const auto at = [&](std::size_t percent) {
    return in_seconds(times[std::min(times.size() - 1, times.size() * percent / 100)]);
  };
  return std::to_string(times.size()) + ", median " + at(50) + " s, 90% " + at(90) + " s, 99% " +
         at(99) + " s, longest " + in_seconds(times.back()) + " s";
}

}  // namespace

void Summary::add(std::uint64_t seed, const RunReport& report) {
  ++runs;
  events += report.events;
  virtual_time += report.virtual_time;
  for (const auto& [kind, count] : report.faults) {
    faults[kind] += count;
  }
  promotions += report.promotions;
  clean_handovers += report.clean_handovers;
  lossy_handovers += report.lossy_handovers;
  overtaken += report.overtaken;
  fenced += report.fenced;
  attempts += report.attempts;
  acknowledged += report.acknowledged;
  lost += report.lost;
  synchronous_writes += report.synchronous_writes;
  judged_promotions += report.judged_promotions;
  runs_with_loss += report.lost > 0 ? 1 : 0;
  outages.insert(outages.end(), report.outages.begin(), report.outages.end());
  settle_times.insert(settle_times.end(), report.settle_times.begin(), report.settle_times.end());
  for (const auto& [rule, count] : report.rules) {
    rules[rule] += count;
    const auto first = first_seed.emplace(rule, seed).first;
    first->second = std::min(first->second, seed);
  }
  for (const auto& [lane, count] : report.most_steps)
    most_steps[lane] = std::max(most_steps[lane], count);
  most_wakes = std::max(most_wakes, report.most_wakes);
  if (report.was_led_late) led_late.push_back(seed);
  if (report.failure) failed.push_back(seed);
}

void Summary::add(const Summary& other) {
  runs += other.runs;
  replayed += other.replayed;
  events += other.events;
  virtual_time += other.virtual_time;
  for (const auto& [kind, count] : other.faults)
    faults[kind] += count;
  promotions += other.promotions;
  clean_handovers += other.clean_handovers;
  lossy_handovers += other.lossy_handovers;
  overtaken += other.overtaken;
  fenced += other.fenced;
  attempts += other.attempts;
  acknowledged += other.acknowledged;
  lost += other.lost;
  synchronous_writes += other.synchronous_writes;
  judged_promotions += other.judged_promotions;
  runs_with_loss += other.runs_with_loss;
  outages.insert(outages.end(), other.outages.begin(), other.outages.end());
  settle_times.insert(settle_times.end(), other.settle_times.begin(), other.settle_times.end());
  for (const auto& [rule, count] : other.rules)
    rules[rule] += count;
  for (const auto& [rule, seed] : other.first_seed) {
    const auto first = first_seed.emplace(rule, seed).first;
    first->second = std::min(first->second, seed);
  }
  for (const auto& [lane, count] : other.most_steps)
    most_steps[lane] = std::max(most_steps[lane], count);
  most_wakes = std::max(most_wakes, other.most_wakes);
  failed.insert(failed.end(), other.failed.begin(), other.failed.end());
  std::sort(failed.begin(), failed.end());
  led_late.insert(led_late.end(), other.led_late.begin(), other.led_late.end());
  std::sort(led_late.begin(), led_late.end());
}

// ---- Between processes
// ----------------------------------------------------------------------------------

// One value a line, after its name.
void write_summary(const Summary& summary, std::ostream& to) {
  to << "runs " << summary.runs << "\nreplayed " << summary.replayed << "\nevents "
     << summary.events << "\nvirtual_time " << summary.virtual_time.count() << "\npromotions "
     << summary.promotions << "\nclean_handovers " << summary.clean_handovers
     << "\nlossy_handovers " << summary.lossy_handovers << "\novertaken " << summary.overtaken
     << "\nfenced " << summary.fenced << "\nattempts " << summary.attempts << "\nacknowledged "
     << summary.acknowledged << "\nlost " << summary.lost << "\nruns_with_loss "
     << summary.runs_with_loss << "\nsynchronous_writes " << summary.synchronous_writes
     << "\njudged_promotions " << summary.judged_promotions << "\nmost_wakes " << summary.most_wakes
     << "\n";
  for (const auto& [kind, count] : summary.faults)
    to << "fault " << static_cast<int>(kind) << " " << count << "\n";
  for (const auto time : summary.outages)
    to << "outage " << time.count() << "\n";
  for (const auto time : summary.settle_times)
    to << "settle " << time.count() << "\n";
  for (const auto& [rule, count] : summary.rules)
    to << "rule " << rule << " " << count << " " << summary.first_seed.at(rule) << "\n";
  for (const auto& [lane, count] : summary.most_steps)
    to << "most_steps " << static_cast<int>(lane) << " " << count << "\n";
  for (const auto seed : summary.led_late)
    to << "led_late " << seed << "\n";
  for (const auto seed : summary.failed)
    to << "failed " << seed << "\n";
}

Summary read_summary(std::istream& from) {
  Summary summary;
  const auto duration = [&from] {
    Duration::rep count = 0;
    from >> count;
    return Duration(count);
  };
  const std::map<std::string, std::function<void()>> readers = {
      {"runs", [&] { from >> summary.runs; }},
      {"replayed", [&] { from >> summary.replayed; }},
      {"events", [&] { from >> summary.events; }},
      {"virtual_time", [&] { summary.virtual_time = duration(); }},
      {"promotions", [&] { from >> summary.promotions; }},
      {"clean_handovers", [&] { from >> summary.clean_handovers; }},
      {"lossy_handovers", [&] { from >> summary.lossy_handovers; }},
      {"overtaken", [&] { from >> summary.overtaken; }},
      {"fenced", [&] { from >> summary.fenced; }},
      {"attempts", [&] { from >> summary.attempts; }},
      {"acknowledged", [&] { from >> summary.acknowledged; }},
      {"lost", [&] { from >> summary.lost; }},
      {"runs_with_loss", [&] { from >> summary.runs_with_loss; }},
      {"led_late", [&] { from >> summary.led_late.emplace_back(); }},
      {"synchronous_writes", [&] { from >> summary.synchronous_writes; }},
      {"judged_promotions", [&] { from >> summary.judged_promotions; }},
      {"fault",
       [&] {
         int kind = 0;
         from >> kind >> summary.faults[static_cast<FaultKind>(kind)];
       }},
      {"outage", [&] { summary.outages.push_back(duration()); }},
      {"settle", [&] { summary.settle_times.push_back(duration()); }},
      {"rule",
       [&] {
         std::string rule;
         from >> rule;
         from >> summary.rules[rule] >> summary.first_seed[rule];
       }},
      {"most_wakes", [&] { from >> summary.most_wakes; }},
      {"most_steps",
       [&] {
         int lane = 0;
         from >> lane >> summary.most_steps[static_cast<Lane>(lane)];
       }},
      {"failed",
       [&] {
         std::uint64_t seed = 0;
         from >> seed;
         summary.failed.push_back(seed);
       }},
  };
  for (std::string name; from >> name;) {
    const auto reader = readers.find(name);
    if (reader == readers.end()) throw std::runtime_error("a worker has sent '" + name + "'");
    reader->second();
  }
  return summary;
}

// ---- For people
// ----------------------------------------------------------------------------------

std::string to_text(const Summary& summary, double seconds) {
  const int injected = std::accumulate(summary.faults.begin(), summary.faults.end(), 0,
                                       [](int sum, const auto& one) { return sum + one.second; });
  std::array<char, 160> speed{};
  std::snprintf(speed.data(), speed.size(),
                "%llu seeds in %.1f s (%.1f a second), %.0f virtual hours, %.1f million events",
                static_cast<unsigned long long>(summary.runs), seconds,
                static_cast<double>(summary.runs) / std::max(seconds, 1e-9),
                std::chrono::duration<double, std::ratio<3600>>(summary.virtual_time).count(),
                static_cast<double>(summary.events) / 1e6);
  std::string text = std::string(speed.data()) + "\n";
  text += "faults injected: " + std::to_string(injected);
  for (const auto& [kind, count] : summary.faults) {
    text += std::string(text.ends_with("\n") ? "" : "\n  ") + std::string(name_of(kind)) + ": " +
            std::to_string(count);
  }
  text += "\npromotions: " + std::to_string(summary.promotions) +
          "; after a clean shutdown complete " + std::to_string(summary.clean_handovers) +
          ", incomplete " + std::to_string(summary.lossy_handovers) +
          "; past a reachable standby that was ahead " + std::to_string(summary.overtaken);
  text += "\nfenced by the guardian: " + std::to_string(summary.fenced);
  text += "\nwrites: " + std::to_string(summary.attempts) + " tried, " +
          std::to_string(summary.acknowledged) + " acknowledged, of these lost " +
          std::to_string(summary.lost) + " (asynchronous replication) in " +
          std::to_string(summary.runs_with_loss) + " runs";
  text += "\nacknowledged synchronously: " + std::to_string(summary.synchronous_writes) +
          "; promotions that had to have all of them: " + std::to_string(summary.judged_promotions);
  text += "\noutages longer than a second: " + distribution(summary.outages);
  text += "\nschedules without a leader for more than 2 ttl + 20 s after the last fault: " +
          std::to_string(summary.led_late.size());
  for (const auto seed : summary.led_late)
    text += ", seed " + std::to_string(seed);
  text += "\nrest after the last fault: " + distribution(summary.settle_times);
  text += "\nmost steps of one agent within a second:";
  for (const auto& [lane, count] : summary.most_steps)
    text += " " + std::string(name_of(lane)) + " " + std::to_string(count);
  text += "; woken by its clock " + std::to_string(summary.most_wakes);
  if (summary.replayed > 0) text += "\nrun twice: " + std::to_string(summary.replayed);
  return text + "\n";
}

}  // namespace pgherd::sim
