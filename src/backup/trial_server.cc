#include "backup/trial_server.h"

#include <algorithm>
#include <array>

namespace pgherd::backup {
namespace {

std::string_view trimmed(std::string_view text) {
  const auto from = text.find_first_not_of(" \t\r");
  if (from == text.npos) return {};
  return text.substr(from, text.find_last_not_of(" \t\r") - from + 1);
}

using Setting = std::pair<const char*, const char*>;

constexpr std::array<Setting, 24> kOnItsOwn{{
    {"listen_addresses", ""},
    {"port", "5432"},
    {"unix_socket_permissions", "0700"},
    {"unix_socket_group", ""},
    {"ssl", "off"},
    {"archive_mode", "off"},
    {"archive_command", ""},
    {"archive_cleanup_command", ""},
    {"recovery_end_command", ""},
    {"primary_conninfo", ""},
    {"primary_slot_name", ""},
    {"synchronous_standby_names", ""},
    {"hot_standby", "off"},
    {"max_logical_replication_workers", "0"},
    {"shared_preload_libraries", ""},
    {"session_preload_libraries", ""},
    {"local_preload_libraries", ""},
    {"default_transaction_read_only", "off"},
    {"cluster_name", "pgherd-restore-test"},
    // Beside a server that is at work, on a host that was not made for two.
    {"shared_buffers", "128MB"},
    {"huge_pages", "off"},
    {"log_destination", "stderr"},
    {"logging_collector", "off"},
    {"log_line_prefix", ""},
}};

// What the log is read for.
constexpr std::array<Setting, 2> kReadable{{{"lc_messages", "C"}, {"log_min_messages", "log"}}};

// pg_controldata's words for the settings that recovery compares.
constexpr std::array<Setting, 6> kAsThePrimary{{
    {"max_connections", "max_connections setting"},
    {"max_worker_processes", "max_worker_processes setting"},
    {"max_wal_senders", "max_wal_senders setting"},
    {"max_prepared_transactions", "max_prepared_xacts setting"},
    {"max_locks_per_transaction", "max_locks_per_xact setting"},
    {"track_commit_timestamp", "track_commit_timestamp setting"},
}};

bool contains(std::string_view text, std::string_view what) {
  return text.find(what) != text.npos;
}

}  // namespace

std::map<std::string, std::string> parse_controldata(std::string_view text) {
  std::map<std::string, std::string> values;
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    const auto colon = line.find(':');
    if (colon == line.npos) continue;
    values.emplace(trimmed(line.substr(0, colon)), trimmed(line.substr(colon + 1)));
  }
  return values;
}

std::vector<std::string> server_arguments(const TrialPlaces& places,
                                          const std::map<std::string, std::string>& control) {
  std::vector<std::string> words{"-D", places.data};
  const auto set = [&](const std::string& name, const std::string& value) {
    words.insert(words.end(), {"-c", name + "=" + value});
  };
  set("config_file", places.config_file);
  set("hba_file", places.hba_file);
  set("ident_file", places.ident_file);
  set("unix_socket_directories", places.socket_dir);
  set("external_pid_file", places.socket_dir + "/postmaster.pid");
  for (const auto& [name, value] : kOnItsOwn)
    set(name, value);
  for (const auto& [name, value] : kReadable)
    set(name, value);
  for (const auto& [name, key] : kAsThePrimary)
    if (const auto found = control.find(key); found != control.end()) set(name, found->second);
  return words;
}

std::string reason_in_server_log(const std::vector<std::string>& lines) {
  std::string reason;
  for (const std::string& line : lines) {
    const bool counts = contains(line, "FATAL:") || contains(line, "PANIC:") ||
                        (contains(line, "ERROR:") && contains(line, "]:"));
    if (!counts || contains(reason, line)) continue;
    reason.append(reason.empty() ? "" : "; ").append(trimmed(line));
  }
  if (!reason.empty()) return reason;
  return lines.empty() ? "it said nothing" : std::string(trimmed(lines.back()));
}

std::string restored_segment(std::string_view line) {
  constexpr std::string_view kBegin = "restored log file \"";
  constexpr std::size_t kNameLength = 24;
  const auto at = line.find(kBegin);
  if (at == line.npos) return "";
  const std::string_view name = line.substr(at + kBegin.size());
  const std::string_view segment = name.substr(0, name.find('"'));
  // History files are restored in the same words.
  return segment.size() == kNameLength ? std::string(segment) : "";
}

}  // namespace pgherd::backup
