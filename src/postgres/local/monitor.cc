#include "postgres/local/monitor.h"

#include <libpq-fe.h>

#include <algorithm>
#include <charconv>
#include <utility>

namespace pgherd {
namespace {

// Functions that fail in the wrong role are asked in the right one only.
constexpr const char* kState = R"(
select pg_is_in_recovery(),
  case when pg_is_in_recovery() then null
       else ('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::bigint end,
  case when pg_is_in_recovery() then null else pg_current_wal_flush_lsn() end,
  pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn(),
  case when pg_is_in_recovery() then pg_is_wal_replay_paused() else false end,
  pg_last_xact_replay_timestamp(), pg_postmaster_start_time(),
  current_setting('restore_command') <> '', current_setting('primary_conninfo'),
  current_setting('primary_slot_name'), current_setting('server_version_num'),
  current_setting('synchronous_standby_names'), pg_conf_load_time(),
  current_setting('synchronous_commit'))";

constexpr const char* kReceiver = R"(
select status, written_lsn, latest_end_lsn,
  case when latest_end_lsn is null then null else received_tli end
from pg_stat_wal_receiver)";

constexpr const char* kSenders = R"(
select application_name, state, sync_state, write_lsn, flush_lsn, replay_lsn, usename, client_addr,
  sync_priority, pid
from pg_stat_replication order by application_name, pid)";

constexpr const char* kSlots = R"(
select slot_name, slot_type = 'physical', active, temporary, restart_lsn, xmin is not null, wal_status,
  plugin, (select datname from pg_database where oid = s.datoid),
  coalesce((to_jsonb(s) ->> 'failover')::bool, false), confirmed_flush_lsn,
  coalesce((to_jsonb(s) ->> 'synced')::bool, false)
from pg_get_replication_slots() s order by slot_name)";

// A parameter of the command line is never "pending" to the server, for a file cannot change it; we
// compare those ourselves.
constexpr const char* kSettings = R"(
select name, true, current_setting(name),
  (select f.setting from pg_file_settings f where f.name = s.name order by f.seqno desc limit 1)
from pg_settings s where pending_restart
union all
select name, false, current_setting(name), null
from unnest(array['max_connections', 'max_locks_per_transaction', 'max_prepared_transactions',
  'max_replication_slots', 'max_wal_senders', 'max_worker_processes', 'track_commit_timestamp',
  'wal_level', 'wal_log_hints', 'cluster_name', 'listen_addresses', 'port']) as name)";

const std::string& text_of(const Cell& cell) {
  static const std::string kNone;
  return cell ? *cell : kNone;
}
bool flag_of(const Cell& cell) {
  return cell && *cell == "t";
}
Lsn lsn_of(const Cell& cell) {
  return cell ? parse_lsn(*cell).value_or(Lsn{}) : Lsn{};
}
std::int64_t number_of(const Cell& cell) {
  std::int64_t value = 0;
  if (cell) std::from_chars(cell->data(), cell->data() + cell->size(), value);
  return value;
}

bool have_width(const Rows& rows, std::size_t width) {
  for (const Row& row : rows)
    if (row.size() != width) return false;
  return true;
}

void read_state(const Row& row, InstanceView& view) {
  view.in_recovery = flag_of(row[0]);
  view.timeline = Timeline{static_cast<std::uint32_t>(number_of(row[1]))};
  view.flushed = lsn_of(row[2]);
  view.received = *view.in_recovery ? lsn_of(row[3]) : Lsn{};
  view.replayed = *view.in_recovery ? lsn_of(row[4]) : Lsn{};
  view.replay_is_paused = flag_of(row[5]);
  view.replayed_timestamp = text_of(row[6]);
  view.postmaster_start_time = text_of(row[7]);
  view.has_restore_command = flag_of(row[8]);
  if (*view.in_recovery) view.upstream = upstream_of(text_of(row[9]), text_of(row[10]));
  view.server_version = static_cast<int>(number_of(row[11]));
  view.sync_names = text_of(row[12]);
  view.synchronous_commit = text_of(row[14]);
}

void read_receiver(const Row& row, InstanceView& view) {
  view.is_streaming = text_of(row[0]) == "streaming";
  const Lsn written = lsn_of(row[1]);
  if (view.received < written) view.received = written;
  view.latest_end = lsn_of(row[2]);
  view.received_timeline = Timeline{static_cast<std::uint32_t>(number_of(row[3]))};
}

WalSenderView sender_of(const Row& row) {
  return {.application_name = text_of(row[0]),
          .state = text_of(row[1]),
          .sync_state = text_of(row[2]),
          .written = lsn_of(row[3]),
          .flushed = lsn_of(row[4]),
          .replayed = lsn_of(row[5]),
          .user = text_of(row[6]),
          .client_address = text_of(row[7]),
          .sync_priority = static_cast<int>(number_of(row[8])),
          .pid = number_of(row[9])};
}

SlotView slot_of(const Row& row) {
  return {.name = text_of(row[0]),
          .is_physical = flag_of(row[1]),
          .is_active = flag_of(row[2]),
          .is_temporary = flag_of(row[3]),
          .restart_lsn = lsn_of(row[4]),
          .has_xmin = flag_of(row[5]),
          .wal_status = text_of(row[6]),
          .plugin = text_of(row[7]),
          .database = text_of(row[8]),
          .is_failover = flag_of(row[9]),
          .is_synced = flag_of(row[11]),
          .confirmed_flush = lsn_of(row[10])};
}

void read_setting(const Row& row, const ParameterMap& wanted, InstanceView& view) {
  const std::string& name = text_of(row[0]);
  const std::string& running = text_of(row[2]);
  if (flag_of(row[1])) {
    if (is_recovery_parameter(name) || name == "hot_standby") return;
    view.pending_restart[name] = {.old_value = running, .new_value = row[3] ? *row[3] : "?"};
    return;
  }
  const auto found = wanted.find(name);
  if (found == wanted.end() || same_value(found->second, running)) return;
  view.pending_restart[name] = {.old_value = running, .new_value = found->second};
}

using Words = std::vector<std::pair<std::string, std::string>>;

// libpq would refuse a keyword that is younger than itself, and the server's may be.
Words keyword_words(std::string_view text) {
  Words words;
  const auto skip_space = [&] {
    text.remove_prefix(std::min(text.find_first_not_of(" \t\n"), text.size()));
  };
  for (skip_space(); !text.empty(); skip_space()) {
    const auto end = text.find_first_of("= \t\n");
    std::string keyword(text.substr(0, end));
    text.remove_prefix(std::min(end, text.size()));
    skip_space();
    if (!text.starts_with('=')) return {};
    text.remove_prefix(1);
    skip_space();
    const bool is_quoted = text.starts_with('\'');
    if (is_quoted) text.remove_prefix(1);
    std::string value;
    while (!text.empty()) {
      const char next = text.front();
      if (is_quoted ? next == '\'' : next == ' ' || next == '\t' || next == '\n') break;
      if (next == '\\' && text.size() > 1) text.remove_prefix(1);
      value += text.front();
      text.remove_prefix(1);
    }
    if (is_quoted && !text.empty()) text.remove_prefix(1);
    words.emplace_back(std::move(keyword), std::move(value));
  }
  return words;
}

Words uri_words(const std::string& uri) {
  Words words;
  PQconninfoOption* options = PQconninfoParse(uri.c_str(), nullptr);
  for (const PQconninfoOption* option = options; option != nullptr && option->keyword != nullptr;
       ++option)
    if (option->val != nullptr) words.emplace_back(option->keyword, option->val);
  PQconninfoFree(options);
  return words;
}

Words words_of(const std::string& conninfo) {
  const bool is_uri = conninfo.starts_with("postgresql://") || conninfo.starts_with("postgres://");
  return is_uri ? uri_words(conninfo) : keyword_words(conninfo);
}

}  // namespace

std::string monitoring_query() {
  std::string query;
  for (const char* part : {kState, kReceiver, kSenders, kSlots, kSettings}) {
    if (!query.empty()) query += ";";
    query += part;
  }
  return query;
}

bool read_monitoring(const std::vector<Rows>& answer, const ParameterMap& wanted,
                     InstanceView& view) {
  if (answer.size() != 5 || answer[0].size() != 1 || !have_width(answer[0], 15) ||
      !have_width(answer[1], 4) || !have_width(answer[2], 10) || !have_width(answer[3], 12) ||
      !have_width(answer[4], 4))
    return false;
  read_state(answer[0][0], view);
  if (!answer[1].empty()) read_receiver(answer[1][0], view);
  for (const Row& row : answer[2])
    view.wal_senders.push_back(sender_of(row));
  for (const Row& row : answer[3])
    view.slots.push_back(slot_of(row));
  for (const Row& row : answer[4])
    read_setting(row, wanted, view);
  return true;
}

std::string files_read_at(const std::vector<Rows>& answer) {
  return text_of(answer[0][0][13]);
}

std::string address_in(const std::string& conninfo) {
  for (const auto& [keyword, value] : words_of(conninfo))
    if (keyword == "hostaddr") return value;
  return "";
}

UpstreamView upstream_of(const std::string& conninfo, const std::string& slot) {
  UpstreamView view;
  if (conninfo.empty()) return view;
  for (const auto& [keyword, value] : words_of(conninfo)) {
    if (keyword == "host") view.host = value;
    if (keyword == "port") view.port = value;
  }
  view.slot = slot;
  return view;
}

}  // namespace pgherd
