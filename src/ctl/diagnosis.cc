#include "ctl/diagnosis.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>
#include <set>

#include "codec/time_values.h"
#include "ctl/member_table.h"
#include "model/sync_names.h"

namespace pgherd::ctl {
namespace {

using Json = nlohmann::json;

constexpr double kMegabyte = 1048576;
constexpr std::int64_t kSecond = 1000000;  // of a WallTime
constexpr int kMajor = 10000;              // of a version number: 170004 is 17.4
// A file is archived within moments; who lets it wait so long fails, hangs or does not keep up.
constexpr std::int64_t kArchiveWaitMax = 30;
constexpr std::int64_t kCertificateNotice = std::int64_t{14} * 86400 * kSecond;

bool is_running(const Member& member) {
  return member.state == MemberState::Running;
}

bool is_synchronous(const Settings& settings) {
  return settings.synchronous_mode != SynchronousMode::Off;
}

bool is_listed(const ClusterView& view, const NodeName& name) {
  return view.sync && std::any_of(view.sync->standbys.begin(), view.sync->standbys.end(),
                                  [&](const NodeName& one) { return same_name(one, name); });
}

// Behind what the leader has published; nothing where it shows no position.
std::optional<std::uint64_t> lag_of(const ClusterView& view, const Member& member,
                                    const std::map<NodeName, MemberAnswer>& answers) {
  auto position = std::max({member.xlog_location, member.receive_lsn, member.replay_lsn});
  if (const auto found = answers.find(member.name); found != answers.end())
    position = std::max(position, found->second.position);
  if (!position) return std::nullopt;
  return lag_bytes(view.status.optime, *position);
}

// "2026-12-05 10:00 UTC"
std::string minute_of(WallTime time) {
  const std::string text = format_time(time);
  return text.substr(0, 10) + " " + text.substr(11, 5) + " UTC";
}

bool is_loopback(const std::string& host) {
  return host == "localhost" || host == "::1" || host.starts_with("127.");
}

struct KernelAdvice {
  std::string_view setting;
  bool (*is_to_be_changed)(std::int64_t);
  std::string_view why;
  std::string_view remedy;
};

// PostgreSQL's manual, "Managing Kernel Resources". All of them are the host's, also for
// containers.
constexpr KernelAdvice kKernelAdvice[] = {
    {"vm.overcommit_memory", [](std::int64_t value) { return value != 2; },
     "the kernel promises more memory than there is, and kills a process of PostgreSQL, or all of "
     "it, when it runs out",
     "`sysctl vm.overcommit_memory=2`, with vm.overcommit_ratio after what else runs there; also "
     "in /etc/sysctl.d"},
    {"vm.swappiness", [](std::int64_t value) { return value > 10; },
     "memory of PostgreSQL is swapped out to make room for files that are cached",
     "`sysctl vm.swappiness=10`; also in /etc/sysctl.d"},
    {"vm.zone_reclaim_mode", [](std::int64_t value) { return value != 0; },
     "cached files are dropped although there is memory on another NUMA node",
     "`sysctl vm.zone_reclaim_mode=0`; also in /etc/sysctl.d"},
    {"transparent_hugepage", [](std::int64_t value) { return value == 2; },
     "the kernel gathers huge pages that nobody asked for, and processes wait for it",
     "`echo madvise >/sys/kernel/mm/transparent_hugepage/enabled`; for good "
     "`transparent_hugepage=madvise` on the kernel's command line"},
    {"vm.nr_hugepages", [](std::int64_t value) { return value == 0; },
     "no huge pages are set aside; with shared_buffers of some GB they spare memory and time",
     "while it is stopped, `postgres -D DATA -C shared_memory_size_in_huge_pages` says how many; "
     "`sysctl vm.nr_hugepages=N`, then `huge_pages: try`"},
};

std::string shown(std::string_view setting, std::int64_t value) {
  if (setting != "transparent_hugepage") return std::to_string(value);
  return value == 2 ? "always" : value == 1 ? "madvise" : "never";
}

class Examination {
 public:
  Examination(const std::string& cluster, const ClusterView& view,
              const std::map<NodeName, MemberAnswer>& answers, WallTime now, Extent extent)
      : extent_(extent),
        cluster_(cluster),
        view_(view),
        answers_(answers),
        settings_(view.config ? view.config->settings : Settings{}),
        now_(now) {}

  std::vector<Finding> result() && {
    if (!view_.initialize) {
      problem("there is no such cluster: the store has no key of it that says that it was made",
              "start an agent with a section `bootstrap`, or look for the cluster's name with the "
              "agents (`scope`, `namespace`)");
      return std::move(found_);
    }
    examine_leader();
    for (const auto& [name, member] : view_.members)
      examine(member);
    examine_succession();
    examine_synchronous_mode();
    examine_addresses();
    examine_versions();
    examine_requests();
    std::stable_sort(found_.begin(), found_.end(), [](const Finding& one, const Finding& other) {
      return one.weight < other.weight;
    });
    return std::move(found_);
  }

 private:
  void problem(std::string what, std::string remedy) {
    found_.push_back({Finding::Weight::Problem, std::move(what), std::move(remedy)});
  }
  void remark(std::string what, std::string remedy) {
    found_.push_back({Finding::Weight::Remark, std::move(what), std::move(remedy)});
  }
  [[nodiscard]] std::string command(std::string_view words, std::string_view member = "") const {
    return fmt::format("`patronictl {} {}{}{}`", words, cluster_, member.empty() ? "" : " ",
                       member);
  }
  [[nodiscard]] const NodeName& leader() const { return view_.leader->name; }
  [[nodiscard]] std::uint64_t lag_limit() const {
    return static_cast<std::uint64_t>(settings_.maximum_lag_on_failover_bytes);
  }
  [[nodiscard]] bool may_be_elected(const Member& member) const {
    const auto lag = lag_of(view_, member, answers_);
    const bool is_close = lag && *lag <= lag_limit();
    return !view_.is_led_by(member.name) && is_running(member) && !member.tags.nofailover &&
           (is_synchronous(settings_) ? is_listed(view_, member.name) : is_close);
  }

  void examine_leader() {
    if (settings_.paused) {
      remark("maintenance mode is on: nobody takes over if the leader is lost",
             "end it with " + command("resume") + " when the maintenance is over");
    }
    if (!view_.has_leader()) {
      problem("nobody leads: no member accepts writes",
              settings_.paused
                  ? "end maintenance mode with " + command("resume") +
                        ", or name who shall lead with " + command("failover")
                  : "the agents say every few seconds why they do not lead (`following a different "
                    "leader because ...`); if the best one is sure to be there, name it with " +
                        command("failover"));
    } else if (view_.leader_member() == nullptr) {
      problem(fmt::format("'{}' leads, but the store has no key of it as a member", leader()),
              "look into the log of its agent");
    } else if (!is_running(*view_.leader_member())) {
      problem(fmt::format("'{}' leads, but its PostgreSQL does not run", leader()),
              "wait for `primary_start_timeout`, or let another member lead with " +
                  command("failover"));
    }
  }

  void examine(const Member& member) {
    if (const auto found = answers_.find(member.name); found != answers_.end())
      examine_answer(member, found->second);
    if (!is_running(member)) {
      const bool is_at_work =
          member.state == MemberState::CreatingReplica || member.state == MemberState::Starting;
      const std::string what = fmt::format("PostgreSQL of '{}' does not run: {}", member.name,
                                           member.state ? to_string(*member.state) : "no state");
      if (is_at_work) {
        remark(what, "wait until it is done");
      } else {
        problem(what,
                "its agent's log and PostgreSQL's own say why; data that are beyond repair are "
                "copied anew by " +
                    command("reinit", member.name));
      }
      return;
    }
    if (member.pending_restart) {
      std::string reasons;
      for (const auto& [parameter, change] : member.pending_restart_reason)
        reasons += fmt::format("{}{}: {} to {}", reasons.empty() ? "" : ", ", parameter,
                               change.old_value, change.new_value);
      remark(fmt::format("'{}' has settings that count after a restart ({})", member.name,
                         reasons.empty() ? "it does not say which" : reasons),
             "restart it with " + command("restart --pending", member.name));
    }
    if (!view_.is_led_by(member.name)) examine_standby(member);
  }

  void examine_standby(const Member& member) {
    const Member* upstream = view_.leader_member();
    const auto answer = answers_.find(member.name);
    const bool has_answered = answer != answers_.end();
    const bool streams =
        member.replication_state == "streaming" || (has_answered && answer->second.is_streaming);
    if (!streams && !member.tags.nostream && view_.has_leader()) {
      problem(
          fmt::format("'{}' does not stream from {}", member.name,
                      member.tags.replicatefrom ? "'" + *member.tags.replicatefrom + "'"
                                                : "'" + leader() + "'"),
          "its PostgreSQL's log says what the stream ended with; WAL that is gone for good needs a "
          "new copy: " +
              command("reinit", member.name));
    }
    const auto lag = lag_of(view_, member, answers_);
    if (lag && *lag > lag_limit()) {
      problem(
          fmt::format("'{}' is {:.1f} MB behind, more than maximum_lag_on_failover ({:.1f} MB)",
                      member.name, static_cast<double>(*lag) / kMegabyte,
                      static_cast<double>(lag_limit()) / kMegabyte),
          "look for slow disks and networks and for long queries there; it cannot take over until "
          "it has caught up");
    }
    const auto timeline =
        has_answered ? std::max(member.timeline, answer->second.timeline) : member.timeline;
    if (upstream != nullptr && upstream->timeline && timeline && *timeline < *upstream->timeline &&
        lag == 0) {
      problem(
          fmt::format("'{}' is on timeline {}, '{}' on {}", member.name, timeline->value, leader(),
                      upstream->timeline->value),
          "if it stays there it has left the leader's history: " + command("reinit", member.name));
    }
  }

  void examine_answer(const Member& member, const MemberAnswer& answer) {
    if (!answer.is_reached) {
      problem(fmt::format("the agent of '{}' is not reached at {}: {}", member.name,
                          member.api_url.empty() ? "no address" : member.api_url, answer.problem),
              "see that it runs, and that this machine and the other members reach its "
              "restapi.connect_address");
      return;
    }
    // A Patroni before 4.0 does not say its name.
    const bool is_another = (!answer.name.empty() && answer.name != member.name) ||
                            (!answer.scope.empty() && answer.scope != cluster_);
    if (is_another) {
      problem(fmt::format("at the address of '{}' answers '{}' of cluster '{}'", member.name,
                          answer.name, answer.scope),
              "correct restapi.connect_address of '" + member.name + "'");
      return;
    }
    if (!answer.system_id.empty() && view_.initialize->is_valid() &&
        answer.system_id != view_.initialize->value) {
      problem(fmt::format("the data of '{}' are those of another cluster: {} and not {}",
                          member.name, answer.system_id, view_.initialize->value),
              "if they may go, " + command("reinit", member.name));
    }
    const std::int64_t silence = (now_.microseconds - answer.store_seen_at.microseconds) / kSecond;
    if (answer.store_seen_at.microseconds != 0 && silence > settings_.ttl / 1s) {
      problem(
          fmt::format("the agent of '{}' has not heard from the store for {} s", member.name,
                      silence),
          "see that etcd is reached from there; compare the clocks of that machine and this one");
    }
    examine_diverged_wal(member, answer);
    if (answer.is_replay_paused) {
      problem(fmt::format("replay is paused on '{}'", member.name),
              "end it there with `SELECT pg_wal_replay_resume()`");
    }
    if (answer.watchdog_failed) {
      problem(fmt::format("the watchdog of '{}' is required and cannot be used: it will not lead",
                          member.name),
              "see that the device is there, and that the agent's user may open it");
    }
    if (answer.lacks_guardian) {
      problem(
          fmt::format("'{}' has no guardian: if its agent hangs, PostgreSQL is stopped by nobody",
                      member.name),
          "its agent's log says why none was started");
    }
    if (answer.archive_wait_seconds > kArchiveWaitMax) {
      problem(
          fmt::format("'{}' has not archived write-ahead log for {} s ({} file{})", member.name,
                      answer.archive_wait_seconds, answer.archive_waiting_files,
                      answer.archive_waiting_files == 1 ? " waits" : "s wait"),
          "archive_command fails, hangs or is too slow: PostgreSQL's log there has what it said "
          "(with pgBackRest, `pgbackrest check` says it again)");
    }
    examine_certificates(member, answer);
    if (extent_ == Extent::WithHosts) examine_host(member, answer);
  }

  void examine_host(const Member& member, const MemberAnswer& answer) {
    constexpr std::int64_t kEnoughFiles = 65535;
    if (answer.open_files_limit == 0) {
      remark(fmt::format("'{}' does not say what its host gives it", member.name),
             "an agent of this version of pgherd does");
      return;
    }
    if (answer.open_files_limit < kEnoughFiles) {
      remark(fmt::format("'{}' may open {} files: PostgreSQL closes and opens them again and "
                         "again, and fails where it cannot",
                         member.name, answer.open_files_limit),
             fmt::format("LimitNOFILE={} in the agent's unit, or `ulimits: nofile` in Compose; "
                         "then restart both the agent and, with {}, PostgreSQL",
                         kEnoughFiles, command("restart", member.name)));
    }
    for (const KernelAdvice& advice : kKernelAdvice) {
      const auto found = answer.kernel.find(std::string(advice.setting));
      if (found == answer.kernel.end() || !advice.is_to_be_changed(found->second)) continue;
      remark(fmt::format("{} = {} on the host of '{}': {}", advice.setting,
                         shown(advice.setting, found->second), member.name, advice.why),
             std::string(advice.remedy));
    }
  }

  // One file often serves several ends.
  void examine_certificates(const Member& member, const MemberAnswer& answer) {
    std::map<std::string, std::vector<std::string>> uses;
    std::map<std::string, WallTime> ends;
    for (const CertificateEnd& one : answer.certificates) {
      if (one.ends_at.microseconds - now_.microseconds > kCertificateNotice) continue;
      uses[one.file].push_back(one.use);
      ends[one.file] = one.ends_at;
    }
    for (const auto& [file, whose] : uses) {
      const WallTime end = ends[file];
      const std::string what = fmt::format("the certificate in {} of '{}' ({})", file, member.name,
                                           fmt::join(whose, ", "));
      const std::string remedy = "put a new one in its place, then " +
                                 command("reload", member.name) +
                                 " (docs/operations.md, \"Renew certificates\")";
      if (end.microseconds == 0) {
        problem(what + " cannot be read", "its agent's log says why; " + remedy);
      } else if (end <= now_) {
        problem(fmt::format("{} ended on {}", what, minute_of(end)), remedy);
      } else {
        remark(fmt::format("{} ends on {}, in {} days", what, minute_of(end),
                           (end.microseconds - now_.microseconds) / kSecond / 86400),
               remedy);
      }
    }
  }

  // Kept, it waits for somebody who reads it; else it is still in the way.
  void examine_diverged_wal(const Member& member, const MemberAnswer& answer) {
    if (answer.diverged_wal.empty()) return;
    const std::string what = fmt::format("'{}' had what the cluster does not have: {}", member.name,
                                         answer.diverged_wal);
    if (!answer.diverged_wal_kept_in.empty()) {
      remark(what + ", kept there in " + answer.diverged_wal_kept_in,
             "read it as its diverged.txt says; remove it when it is not needed any more");
    } else if (!is_running(member)) {
      problem(what,
              "look at what would be lost (docs/operations.md, \"Rewind refused\"), then allow "
              "postgresql.use_pg_rewind or " +
                  command("reinit", member.name));
    }
  }

  void examine_succession() {
    if (!view_.has_leader()) return;
    const auto& members = view_.members.get();
    if (members.size() < 2) {
      remark("there is one member: nobody could take its place", "add a second node");
      return;
    }
    const bool has_successor = std::any_of(members.begin(), members.end(), [&](const auto& entry) {
      return may_be_elected(entry.second);
    });
    if (!has_successor) {
      problem(fmt::format("if '{}' were lost now, nobody could take its place", leader()),
              is_synchronous(settings_)
                  ? "a member has to run, be listed in /sync and not be tagged nofailover"
                  : "a member has to run, be within maximum_lag_on_failover and not be tagged "
                    "nofailover");
    }
  }

  void examine_synchronous_mode() {
    if (!is_synchronous(settings_) || !view_.has_leader()) return;
    const auto listed = view_.sync ? view_.sync->standbys.size() : 0;
    if (listed == 0) {
      problem(settings_.synchronous_mode_strict
                  ? "no standby confirms writes: with synchronous_mode_strict they wait"
                  : "no standby confirms writes: what is acknowledged now is on the leader alone",
              "a standby has to stream and not be tagged nosync");
    } else if (listed < static_cast<std::size_t>(settings_.synchronous_node_count)) {
      remark(
          fmt::format("{} of {} synchronous standbys are there", listed,
                      settings_.synchronous_node_count),
          "start another standby, or lower synchronous_node_count with " + command("edit-config"));
    }
  }

  void examine_addresses() {
    std::map<std::string, NodeName> owner;
    std::set<bool> kinds;
    for (const auto& [name, member] : view_.members) {
      const auto address = parse_conn_url(member.conn_url);
      if (!address) continue;
      kinds.insert(is_loopback(address->host));
      const std::string where = address->host + ":" + address->port;
      if (const auto [first, is_new] = owner.emplace(where, name); !is_new) {
        problem(
            fmt::format("'{}' and '{}' both say that they are at {}", first->second, name, where),
            "correct postgresql.connect_address of one of them");
      }
    }
    if (kinds.size() == 2) {
      problem("some members give an address that only their own machine reaches (127.0.0.1)",
              "give postgresql.connect_address of each as the others reach it");
    }
  }

  void examine_versions() {
    std::map<int, std::string> of_version;
    for (const auto& [name, answer] : answers_) {
      if (answer.server_version == 0) continue;
      std::string& names = of_version[answer.server_version];
      names += (names.empty() ? "'" : ", '") + name + "'";
    }
    if (of_version.size() < 2) return;
    std::string list;
    for (const auto& [version, names] : of_version)
      list += fmt::format("{}{}.{}: {}", list.empty() ? "" : "; ", version / kMajor,
                          version % kMajor, names);
    remark("the members run different versions of PostgreSQL (" + list + ")",
           "bring them to the newest, the standbys first");
  }

  void examine_requests() {
    const auto& request = view_.failover;
    if (request && request->schedule_is_unreadable) {
      problem("a switchover is scheduled for a time that cannot be read",
              "discard it with `patronictl flush " + cluster_ + " switchover`");
    } else if (request && request->scheduled_at) {
      remark(
          "a switchover is scheduled" +
              (request->candidate ? " to '" + *request->candidate + "'" : std::string()),
          "discard it with `patronictl flush " + cluster_ + " switchover` if that is not wanted");
    }
  }

  const Extent extent_;
  const std::string& cluster_;
  const ClusterView& view_;
  const std::map<NodeName, MemberAnswer>& answers_;
  Settings settings_;
  WallTime now_;
  std::vector<Finding> found_;
};

template <typename T>
T value_at(const Json& document, const char* key, T otherwise) {
  const auto found = document.find(key);
  if (found == document.end()) return otherwise;
  try {
    return found->get<T>();
  } catch (const Json::exception&) {  // another kind of value says nothing
    return otherwise;
  }
}

void take_diverged_wal(const Json& document, MemberAnswer& answer) {
  const Json wal = value_at<Json>(document, "diverged_wal", nullptr);
  if (!wal.is_object()) return;
  const auto from = value_at<std::string>(wal, "from", "");
  const auto commits = wal.find("commits");
  answer.diverged_wal = commits != wal.end() && commits->is_number_unsigned()
                            ? fmt::format("{} commits", commits->get<std::uint64_t>())
                            : "write-ahead log";
  answer.diverged_wal +=
      fmt::format(" on timeline {}", value_at<std::uint32_t>(wal, "timeline", 0));
  if (!from.empty()) answer.diverged_wal += " from " + from + " on";
  answer.diverged_wal_kept_in = value_at<std::string>(wal, "kept_in", "");
}

// The value of a label, as quoted_label has written it; "" where there is none.
std::string label_of(std::string_view line, std::string_view name) {
  const std::string begin = std::string(name) + "=\"";
  std::size_t at = line.find(begin);
  if (at == std::string_view::npos) return {};
  std::string value;
  for (at += begin.size(); at < line.size() && line[at] != '"'; ++at) {
    const bool is_escaped = line[at] == '\\' && at + 1 < line.size();
    if (is_escaped) ++at;
    value += is_escaped && line[at] == 'n' ? '\n' : line[at];
  }
  return value;
}

struct Sample {
  std::string_view line;
  std::int64_t value = 0;
};

// The lines "name{labels} value" of a metric; one whose value is no whole number is none.
std::vector<Sample> samples_of(std::string_view metrics, std::string_view name) {
  std::vector<Sample> samples;
  const std::string begin = fmt::format("{}{{", name);
  for (std::size_t at = metrics.find(begin); at != std::string_view::npos;
       at = metrics.find(begin, at + 1)) {
    if (at > 0 && metrics[at - 1] != '\n') continue;
    const std::string_view line = metrics.substr(at, metrics.find('\n', at) - at);
    const std::string_view text = line.substr(line.rfind(' ') + 1);
    std::int64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error == std::errc() && end == text.data() + text.size())
      samples.push_back({.line = line, .value = value});
  }
  return samples;
}

// Of the first of them.
std::optional<std::int64_t> gauge_in(std::string_view metrics, std::string_view name) {
  const std::vector<Sample> samples = samples_of(metrics, name);
  return samples.empty() ? std::nullopt : std::optional(samples.front().value);
}

void take_certificates(std::string_view metrics, MemberAnswer& answer) {
  for (const auto& [line, seconds] :
       samples_of(metrics, "pgherd_certificate_expiry_timestamp_seconds")) {
    answer.certificates.push_back({.use = label_of(line, "use"),
                                   .file = label_of(line, "file"),
                                   .ends_at = WallTime{seconds * kSecond}});
  }
}

void take_host(std::string_view metrics, MemberAnswer& answer) {
  answer.open_files_limit = gauge_in(metrics, "pgherd_open_files_limit").value_or(0);
  for (const auto& [line, value] : samples_of(metrics, "pgherd_kernel_setting"))
    answer.kernel.emplace(label_of(line, "setting"), value);
}

}  // namespace

MemberAnswer member_answer(std::string_view document, std::string_view metrics) {
  MemberAnswer answer;
  const Json json = Json::parse(document, nullptr, false);
  if (!json.is_object()) {
    answer.problem = "what answers there is no agent";
    return answer;
  }
  answer.is_reached = true;
  const Json whose = value_at<Json>(json, "patroni", Json::object());
  const Json xlog = value_at<Json>(json, "xlog", Json::object());
  if (whose.is_object()) {
    answer.scope = value_at<std::string>(whose, "scope", "");
    answer.name = value_at<std::string>(whose, "name", "");
  }
  answer.server_version = value_at(json, "server_version", 0);
  answer.system_id = value_at<std::string>(json, "database_system_identifier", "");
  answer.store_seen_at = WallTime{value_at<std::int64_t>(json, "dcs_last_seen", 0) * kSecond};
  for (const char* key : {"received_location", "replayed_location"}) {
    const auto at = xlog.is_object() ? value_at<std::uint64_t>(xlog, key, 0) : 0;
    if (at > 0) answer.position = std::max(answer.position, std::optional(Lsn{at}));
  }
  if (const auto timeline = value_at<std::uint32_t>(json, "timeline", 0); timeline > 0)
    answer.timeline = Timeline{timeline};
  answer.is_streaming = value_at<std::string>(json, "replication_state", "") == "streaming";
  answer.is_replay_paused = xlog.is_object() && value_at(xlog, "paused", false);
  answer.watchdog_failed = value_at(json, "watchdog_failed", false);
  take_diverged_wal(json, answer);
  answer.lacks_guardian = gauge_in(metrics, "pgherd_guardian_connected") == 0;
  answer.archive_wait_seconds = gauge_in(metrics, "pgherd_archive_oldest_wait_seconds").value_or(0);
  answer.archive_waiting_files = gauge_in(metrics, "pgherd_archive_waiting_files").value_or(0);
  take_certificates(metrics, answer);
  take_host(metrics, answer);
  return answer;
}

std::vector<Finding> diagnose(const std::string& cluster, const ClusterView& view,
                              const std::map<NodeName, MemberAnswer>& answers, WallTime now,
                              Extent extent) {
  return Examination(cluster, view, answers, now, extent).result();
}

}  // namespace pgherd::ctl
