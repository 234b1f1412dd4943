#include "daemon/lease_tally.h"

#include <fmt/format.h>

#include <chrono>
#include <iterator>

namespace pgherd {
namespace {

double seconds(Duration time) {
  return std::chrono::duration<double>(time).count();
}

}  // namespace

void LeaseTally::note(const Renewal& renewal, const Settings& settings) {
  if (!renewal.is_confirmed) {
    ++failed_;
    return;
  }
  ++confirmed_;
  waited_ += renewal.took;
  const Duration due = lease_margins(settings, renewal.ttl).renew_every;
  if (renewal.lease_age > due + renewal.ttl / 4) ++late_;
}

std::string LeaseTally::metrics(const std::string& labels, Milliseconds ttl) const {
  std::string text;
  const auto add = [&](std::string_view name, std::string_view type, std::string_view help,
                       const std::string& value) {
    fmt::format_to(std::back_inserter(text), "# HELP {0} {1}\n# TYPE {0} {2}\n{0}{{{3}}} {4}\n",
                   name, help, type, labels, value);
  };
  add("pgherd_lease_ttl_seconds", "gauge", "What the store gave for the lease, 0 without one.",
      fmt::format("{:.3f}", seconds(ttl)));
  add("pgherd_lease_renewals_total", "counter", "Renewals that the store has confirmed.",
      fmt::format("{}", confirmed_));
  add("pgherd_lease_renewal_seconds_total", "counter",
      "How long they took, from sending to confirmation.", fmt::format("{:.6f}", seconds(waited_)));
  add("pgherd_lease_renewals_late_total", "counter",
      "Those of them that came more than a quarter of the ttl after they were due.",
      fmt::format("{}", late_));
  add("pgherd_lease_renewals_failed_total", "counter", "Attempts that were not confirmed.",
      fmt::format("{}", failed_));
  return text;
}

}  // namespace pgherd
