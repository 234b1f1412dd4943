#include "drill/report.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "codec/time_values.h"

namespace pgherd::drill {
namespace {

double seconds(Duration time) {
  return std::chrono::duration<double>(time).count();
}

// A label's value, in Prometheus's text format.
std::string label(const std::string& text) {
  std::string escaped;
  for (const char letter : text) {
    if (letter == '\\' || letter == '"') escaped += '\\';
    escaped += letter == '\n' ? ' ' : letter;
  }
  return '"' + escaped + '"';
}

std::string writes_line(const Report& report) {
  std::string line = fmt::format("Writes: {} acknowledged, ", report.acknowledged);
  line += report.lost ? fmt::format("{} lost", *report.lost) : std::string("lost: not known");
  if (report.lost.value_or(0) > 0 && report.may_lose)
    line += " (replication is asynchronous: as many may be)";
  if (report.unknown > 0) line += fmt::format("; {} without an answer", report.unknown);
  return line;
}

}  // namespace

void judge(Report& report) {
  if (!report.outage) {
    report.failures.emplace_back("how long clients were without a primary is not known");
  } else if (*report.outage > report.allowed) {
    report.failures.push_back(
        fmt::format("clients were without a primary for {:.2f} s, and {:.2f} s are "
                    "allowed (--max-outage)",
                    seconds(*report.outage), seconds(report.allowed)));
  }
  if (!report.lost) {
    report.failures.emplace_back("whether rows were lost is not known");
  } else if (*report.lost > 0 && !report.may_lose) {
    report.failures.push_back(
        fmt::format("{} acknowledged rows are lost, and replication is synchronous", *report.lost));
  }
}

std::vector<std::string> lines_of(const Report& report) {
  std::vector<std::string> lines;
  for (const Phase& phase : report.phases)
    lines.push_back(fmt::format("{:>+8.2f} s  {}", seconds(phase.after), phase.what));
  if (report.outage)
    lines.push_back(fmt::format("Outage as a client saw it: {:.2f} s ({:.2f} s are allowed)",
                                seconds(*report.outage), seconds(report.allowed)));
  lines.push_back(writes_line(report));
  for (const std::string& failure : report.failures)
    lines.push_back("FAILED: " + failure);
  if (report.has_passed()) lines.emplace_back("Passed.");
  return lines;
}

std::string json_of(const Report& report) {
  nlohmann::ordered_json document;
  document["drill"] = report.drill;
  document["cluster"] = report.cluster;
  document["began"] = format_time(report.began);
  document["passed"] = report.has_passed();
  document["outage_seconds"] = nullptr;
  if (report.outage) document["outage_seconds"] = seconds(*report.outage);
  document["allowed_seconds"] = seconds(report.allowed);
  document["rows"]["acknowledged"] = report.acknowledged;
  document["rows"]["lost"] = nullptr;
  if (report.lost) document["rows"]["lost"] = *report.lost;
  document["rows"]["unknown"] = report.unknown;
  document["phases"] = nlohmann::ordered_json::array();
  for (const Phase& phase : report.phases) {
    nlohmann::ordered_json entry;
    entry["after_seconds"] = seconds(phase.after);
    entry["what"] = phase.what;
    document["phases"].push_back(std::move(entry));
  }
  document["failures"] = report.failures;
  return document.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

std::string metrics_of(const Report& report, WallTime ended) {
  const std::string labels =
      fmt::format("{{drill={},scope={}}}", label(report.drill), label(report.cluster));
  std::string text;
  const auto add = [&](const char* name, const char* help, double value) {
    text +=
        fmt::format("# HELP {0} {1}\n# TYPE {0} gauge\n{0}{2} {3}\n", name, help, labels, value);
  };
  add("pgherd_drill_passed", "Whether the last drill passed.", report.has_passed() ? 1 : 0);
  text += fmt::format(
      "# HELP pgherd_drill_timestamp_seconds When the last drill ended.\n"
      "# TYPE pgherd_drill_timestamp_seconds gauge\npgherd_drill_timestamp_seconds{} {}\n",
      labels, ended.microseconds / 1'000'000);
  if (report.outage)
    add("pgherd_drill_outage_seconds", "How long clients were without a primary.",
        seconds(*report.outage));
  if (report.lost)
    add("pgherd_drill_lost_rows", "Acknowledged rows that were gone after it.",
        static_cast<double>(*report.lost));
  return text;
}

}  // namespace pgherd::drill
