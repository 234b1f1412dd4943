#include "sim/summary.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <numeric>

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

void Summary::add(const RunReport& report) {
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
  runs_with_loss += report.lost > 0 ? 1 : 0;
  outages.insert(outages.end(), report.outages.begin(), report.outages.end());
  settle_times.insert(settle_times.end(), report.settle_times.begin(), report.settle_times.end());
}

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
  text += "\noutages longer than a second: " + distribution(summary.outages);
  text += "\nrest after the last fault: " + distribution(summary.settle_times);
  if (summary.replayed > 0) text += "\nrun twice: " + std::to_string(summary.replayed);
  return text + "\n";
}

}  // namespace pgherd::sim
