#include "backup/restore_proof.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "codec/time_values.h"

namespace pgherd::backup {
namespace {

constexpr const char* kPrefix = "pgherd_backup_restore_test_";

double seconds(Duration time) {
  return std::chrono::duration<double>(time).count();
}

double epoch_seconds(WallTime time) {
  return static_cast<double>(time.microseconds) / 1e6;
}

// A label's value as Prometheus wants it.
std::string escaped(std::string_view text) {
  std::string made;
  for (const char c : text) {
    if (c == '\\' || c == '"') made.push_back('\\');
    made.append(c == '\n' ? "\\n" : std::string(1, c));
  }
  return made;
}

class Page {
 public:
  explicit Page(std::string_view stanza) : labels_(fmt::format("stanza=\"{}\"", escaped(stanza))) {}

  void gauge(std::string_view name, std::string_view help, const std::string& value) {
    fmt::format_to(std::back_inserter(text_),
                   "# HELP {0}{1} {2}\n# TYPE {0}{1} gauge\n{0}{1}{{{3}}} {4}\n", kPrefix, name,
                   help, labels_, value);
  }
  void gauge(std::string_view name, std::string_view help, double value) {
    gauge(name, help, fmt::format("{:.3f}", value));
  }
  std::string take() && { return std::move(text_); }

 private:
  std::string labels_;
  std::string text_;
};

// The value of the line "<name>{<labels>} <value>".
std::optional<std::string> value_of(std::string_view metrics, const std::string& name,
                                    std::string_view stanza) {
  const std::string begin = fmt::format("{}{}{{stanza=\"{}\"}} ", kPrefix, name, escaped(stanza));
  for (std::size_t at = metrics.find(begin); at != metrics.npos; at = metrics.find(begin, at + 1)) {
    if (at > 0 && metrics[at - 1] != '\n') continue;
    const auto from = at + begin.size();
    return std::string(metrics.substr(from, metrics.find('\n', from) - from));
  }
  return std::nullopt;
}

std::optional<LastProven> last_proven(const RestoreProof& proof,
                                      const std::optional<LastProven>& before) {
  if (!proof.is_proven() || !proof.rto || !proof.rpo()) return before;
  return LastProven{.timestamp = fmt::format("{:.3f}", epoch_seconds(proof.ended)),
                    .rto = fmt::format("{:.3f}", seconds(*proof.rto)),
                    .rpo = fmt::format("{:.3f}", seconds(*proof.rpo()))};
}

}  // namespace

std::optional<Duration> RestoreProof::rpo() const {
  if (!newest_commit) return std::nullopt;
  const WallTime until = target.value_or(began);
  return std::chrono::microseconds(
      std::max<std::int64_t>(until.microseconds - newest_commit->at.microseconds, 0));
}

std::optional<LastProven> last_proven_in(std::string_view metrics, std::string_view stanza) {
  const auto timestamp = value_of(metrics, "last_success_timestamp_seconds", stanza);
  const auto rto = value_of(metrics, "last_success_rto_seconds", stanza);
  const auto rpo = value_of(metrics, "last_success_rpo_seconds", stanza);
  if (!timestamp || !rto || !rpo) return std::nullopt;
  return LastProven{.timestamp = *timestamp, .rto = *rto, .rpo = *rpo};
}

std::string metrics_text(const RestoreProof& proof, const std::optional<LastProven>& before) {
  Page page(proof.stanza);
  page.gauge("success", "1 if the last restore test has proven the backup.",
             proof.is_proven() ? "1" : "0");
  page.gauge("timestamp_seconds", "When it ended.", epoch_seconds(proof.ended));
  page.gauge("duration_seconds", "How long it took, from the begin to the verdict.",
             epoch_seconds(proof.ended) - epoch_seconds(proof.began));
  if (proof.rto)
    page.gauge("rto_seconds", "From its begin until PostgreSQL accepted connections.",
               seconds(*proof.rto));
  if (const auto rpo = proof.rpo())
    page.gauge("rpo_seconds", "Age of the newest commit that it recovered.", seconds(*rpo));
  page.gauge("relations_checked", "1 if pg_amcheck has looked at all tables and indexes.",
             proof.relations_are_checked ? "1" : "0");
  if (const auto last = last_proven(proof, before)) {
    page.gauge("last_success_timestamp_seconds", "When a restore test last proved a backup.",
               last->timestamp);
    page.gauge("last_success_rto_seconds", "The RTO of that one.", last->rto);
    page.gauge("last_success_rpo_seconds", "The RPO of that one.", last->rpo);
  }
  return std::move(page).take();
}

std::vector<std::string> verdict_lines(const RestoreProof& proof) {
  std::vector<std::string> lines;
  if (proof.rto)
    lines.push_back(
        fmt::format("RTO {:.1f} s: from the begin of the restore until PostgreSQL "
                    "accepted connections",
                    seconds(*proof.rto)));
  if (const auto rpo = proof.rpo())
    lines.push_back(fmt::format(
        "RPO {:.1f} s: the newest recovered commit is of {} ({}), so long "
        "before {}",
        seconds(*rpo), format_time(proof.newest_commit->at), proof.newest_commit->source,
        proof.target ? "the moment that was asked for" : "the begin"));
  lines.push_back(proof.is_proven() ? fmt::format("proven: backup {} can be restored", proof.backup)
                                    : "not proven: " + proof.failure);
  return lines;
}

}  // namespace pgherd::backup
