#include "ctl/member_table.h"

#include <fmt/format.h>
#include <algorithm>
#include <cctype>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "codec/time_values.h"
#include "ctl/values_text.h"

namespace pgherd::ctl {
namespace {

constexpr std::uint64_t kMegabyte = 1048576;
constexpr std::size_t kReasonWidthMax = 50;
constexpr std::string_view kDefaultPort = "5432";

std::string lower(std::string text) {
  for (char& c : text)
    c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return text;
}

// "quorum_standby" -> "Quorum Standby".
std::string titled(std::string role) {
  bool begins_word = true;
  for (char& c : role) {
    if (c == '_') c = ' ';
    if (begins_word) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    begins_word = c == ' ';
  }
  return role;
}

bool is_listed_in_sync(const ClusterView& view, const NodeName& name) {
  if (!view.sync) return false;
  // PostgreSQL compares the names in synchronous_standby_names without regard to case.
  return std::any_of(view.sync->standbys.begin(), view.sync->standbys.end(),
                     [&](const NodeName& standby) { return lower(standby) == lower(name); });
}

std::string shown_state(const ClusterView& view, const Member& member) {
  const bool is_primary_leader = view.is_led_by(member.name) && !is_standby_cluster(view);
  if (!is_primary_leader && !member.replication_state.empty()) return member.replication_state;
  return member.state ? std::string(to_string(*member.state)) : std::string();
}

// Ports are shown as soon as one member's is not the usual one, or two members share a host.
bool shows_ports(const ClusterView& view) {
  std::set<std::string> hosts;
  for (const auto& [name, member] : view.members) {
    const auto address = parse_conn_url(member.conn_url);
    if (!address) continue;
    if (address->port != kDefaultPort || !hosts.insert(address->host).second) return true;
  }
  return false;
}

std::string shown_host(const Member& member, bool with_port) {
  const auto address = parse_conn_url(member.conn_url);
  if (!address) return {};
  if (!with_port) return address->host;
  const bool is_ipv6 = address->host.find(':') != std::string::npos;
  return fmt::format("{}{}{}:{}", is_ipv6 ? "[" : "", address->host, is_ipv6 ? "]" : "",
                     address->port);
}

bool is_known(const std::optional<Lsn>& lsn) {
  return lsn && lsn->is_known();
}

struct Positions {
  std::optional<Lsn> receive;
  std::optional<Lsn> replay;
};

// A member older than Patroni 4.1 publishes one position only; its state says which one it is.
Positions positions_of(const ClusterView& view, const Member& member) {
  Positions found{.receive = member.receive_lsn, .replay = member.replay_lsn};
  if (!is_known(found.receive) && !is_known(found.replay) && is_known(member.xlog_location)) {
    (shown_state(view, member) == "streaming" ? found.receive : found.replay) =
        member.xlog_location;
  }
  return found;
}

void append_position(std::vector<Cell>& row, const ClusterView& view,
                     const std::optional<Lsn>& lsn) {
  if (!is_known(lsn)) {
    row.push_back(text_cell("unknown"));
    row.push_back(text_cell(""));
    return;
  }
  row.push_back(text_cell(to_string(*lsn)));
  const std::uint64_t lag = lag_megabytes(lag_bytes(view.status.optime, *lsn));
  row.push_back(number_cell(static_cast<std::int64_t>(lag)));
}

// Of what the member has received or replayed, whichever is more (Patroni 4.0: `xlog_location`).
Cell lag_cell(const ClusterView& view, const Member& member) {
  std::optional<Lsn> position = member.xlog_location;
  for (const auto& one : {member.receive_lsn, member.replay_lsn})
    if (is_known(one)) position = std::max(position.value_or(*one), *one);
  if (!is_known(position)) return text_cell("unknown");
  return number_cell(
      static_cast<std::int64_t>(lag_megabytes(lag_bytes(view.status.optime, *position))));
}

std::string pending_restart_reason(const Member& member, bool hides_long_lines) {
  std::string text;
  for (const auto& [parameter, reason] : member.pending_restart_reason) {
    std::string line = fmt::format("{}: {}->{}", parameter, reason.old_value, reason.new_value);
    if (hides_long_lines && line.size() > kReasonWidthMax) {
      line = parameter + ": [hidden - too long]";
    }
    if (!text.empty()) text.append("\n");
    text.append(line);
  }
  return text;
}

std::string scheduled_restart(const Member& member) {
  const auto value = nlohmann::json::parse(member.scheduled_restart, nullptr, false);
  if (!value.is_object()) return {};
  const auto schedule = value.find("schedule");
  if (schedule == value.end() || !schedule->is_string()) return {};
  std::string text = schedule->get<std::string>();
  const auto version = value.find("postgres_version");
  if (version != value.end() && version->is_string()) {
    text.append(" if version < ").append(version->get<std::string>());
  }
  return text;
}

bool has_tags(const Member& member) {
  return !member.tags.published.empty() && member.tags.published != "{}";
}

// Which of the columns that are not always there are shown.
struct Extras {
  bool pending_restart = false;
  bool scheduled_restart = false;
  bool tags = false;
};

Extras extras_of(const ClusterView& view, bool is_extended) {
  Extras extras{is_extended, is_extended, is_extended};
  for (const auto& [name, member] : view.members) {
    if (!parse_conn_url(member.conn_url)) continue;
    extras.pending_restart = extras.pending_restart || member.pending_restart;
    extras.scheduled_restart = extras.scheduled_restart || !scheduled_restart(member).empty();
    extras.tags = extras.tags || has_tags(member);
  }
  return extras;
}

bool is_classic(const MemberTableOptions& options) {
  return options.style == TableStyle::Classic;
}

std::vector<Column> columns_of(const MemberTableOptions& options, const Extras& extras) {
  const bool is_for_people = options.format == Format::Pretty;
  std::vector<Column> columns;
  if (!is_for_people) columns.push_back({"Cluster"});
  columns.insert(columns.end(), {{"Member"}, {"Host"}, {"Role"}, {"State"}});
  columns.push_back({"TL", Align::Right});
  if (is_classic(options)) {
    columns.push_back({"Lag in MB", Align::Right});
  } else {
    columns.push_back({"Receive LSN", Align::Right});
    columns.push_back({is_for_people ? "Lag" : "Receive Lag", Align::Right});
    columns.push_back({"Replay LSN", Align::Right});
    columns.push_back({is_for_people ? "Lag" : "Replay Lag", Align::Right});
  }
  if (extras.pending_restart) {
    columns.push_back({"Pending restart"});
    columns.push_back({"Pending restart reason"});
  }
  if (extras.scheduled_restart) columns.push_back({"Scheduled restart"});
  if (extras.tags) columns.push_back({"Tags"});
  return columns;
}

Cell tags_cell(const Member& member, const MemberTableOptions& options) {
  if (!has_tags(member)) return text_cell("");
  if (options.layout == MemberLayout::List) return object_cell(member.tags.published);
  // A tree with rows of several lines would not be one to the eye.
  return text_cell(yaml_flow(member.tags.published));
}

struct RowContext {
  const std::string& cluster_name;
  const ClusterView& view;
  const MemberTableOptions& options;
  const Extras& extras;
  bool with_port;
};

std::vector<Cell> row_of(const RowContext& context, const Member& member,
                         const std::string& prefix) {
  const bool is_for_people = context.options.format == Format::Pretty;
  std::vector<Cell> row;
  if (!is_for_people) row.push_back(text_cell(context.cluster_name));
  row.push_back(text_cell(prefix + member.name));
  row.push_back(text_cell(shown_host(member, context.with_port)));
  row.push_back(text_cell(titled(cluster_role(context.view, member))));
  std::string state = shown_state(context.view, member);
  if (is_for_people && member.copy) state += " (" + describe(*member.copy) + ")";
  row.push_back(text_cell(state));
  row.push_back(member.timeline ? number_cell(member.timeline->value) : text_cell(""));
  if (context.view.is_led_by(member.name)) {
    row.insert(row.end(), is_classic(context.options) ? 1 : 4, text_cell(""));
  } else if (is_classic(context.options)) {
    row.push_back(lag_cell(context.view, member));
  } else {
    const Positions positions = positions_of(context.view, member);
    append_position(row, context.view, positions.receive);
    append_position(row, context.view, positions.replay);
  }
  if (context.extras.pending_restart) {
    row.push_back(text_cell(member.pending_restart ? "*" : ""));
    row.push_back(text_cell(pending_restart_reason(member, is_for_people)));
  }
  if (context.extras.scheduled_restart) row.push_back(text_cell(scheduled_restart(member)));
  if (context.extras.tags) row.push_back(tags_cell(member, context.options));
  return row;
}

std::string title_of(const std::string& cluster_name, const ClusterView& view) {
  std::string state = "uninitialized";
  if (view.initialize) {
    state = view.initialize->is_in_progress() ? "initializing" : view.initialize->value;
  }
  return fmt::format(" Cluster: {} ({}) ", cluster_name, state);
}

// Parent -> children; members whose parent is the leader (or nobody) stand under "".
std::map<NodeName, std::vector<NodeName>> children_of(const ClusterView& view) {
  std::map<NodeName, std::vector<NodeName>> children;
  for (const auto& [name, member] : view.members) {
    if (view.is_led_by(name)) continue;
    const auto& chosen = member.tags.replicatefrom;
    const bool cascades =
        chosen && *chosen != name && view.member(*chosen) && !view.is_led_by(*chosen);
    children[cascades ? *chosen : NodeName()].push_back(name);
  }
  return children;
}

void append_subtree(std::vector<TreeRow>& rows, std::set<NodeName>& seen,
                    const std::map<NodeName, std::vector<NodeName>>& children,
                    const NodeName& parent, std::size_t depth) {
  const auto found = children.find(parent);
  if (found == children.end()) return;
  for (const NodeName& name : found->second) {
    if (!seen.insert(name).second) continue;
    rows.push_back({name, std::string(depth * 2, ' ') + "+ "});
    append_subtree(rows, seen, children, name, depth + 1);
  }
}

}  // namespace

std::uint64_t lag_megabytes(std::uint64_t bytes) {
  const std::uint64_t whole = bytes / kMegabyte;
  const std::uint64_t rest = bytes % kMegabyte;
  const bool goes_up = rest > kMegabyte / 2 || (rest == kMegabyte / 2 && whole % 2 == 1);
  return whole + (goes_up ? 1 : 0);
}

bool is_standby_cluster(const ClusterView& view) {
  return view.config && view.config->settings.standby_cluster.has_value();
}

std::string cluster_role(const ClusterView& view, const Member& member) {
  if (view.is_led_by(member.name)) {
    return is_standby_cluster(view) ? "standby_leader" : "leader";
  }
  const SynchronousMode mode =
      view.config ? view.config->settings.synchronous_mode : SynchronousMode::Off;
  const bool is_synchronous = mode != SynchronousMode::Off && !is_standby_cluster(view);
  if (!is_synchronous || !is_listed_in_sync(view, member.name)) return "replica";
  return mode == SynchronousMode::Quorum ? "quorum_standby" : "sync_standby";
}

std::vector<TreeRow> topology_order(const ClusterView& view) {
  const auto children = children_of(view);
  std::vector<TreeRow> rows;
  std::set<NodeName> seen;
  if (view.leader_member() != nullptr) rows.push_back({view.leader->name, ""});
  append_subtree(rows, seen, children, "", 0);
  // Members that name each other as their source hang on nothing; they are shown all the same.
  for (const auto& [name, member] : view.members) {
    if (view.is_led_by(name) || !seen.insert(name).second) continue;
    rows.push_back({name, "+ "});
    append_subtree(rows, seen, children, name, 1);
  }
  return rows;
}

Table member_table(const std::string& cluster_name, const ClusterView& view,
                   const MemberTableOptions& options) {
  const Extras extras = extras_of(view, options.is_extended);
  const RowContext context{cluster_name, view, options, extras, shows_ports(view)};
  Table table{.title = title_of(cluster_name, view),
              .columns = columns_of(options, extras),
              .keeps_empty_cells = false};
  if (options.layout == MemberLayout::Topology) {
    for (const TreeRow& row : topology_order(view)) {
      table.rows.push_back(row_of(context, *view.member(row.name), row.prefix));
    }
    return table;
  }
  for (const auto& [name, member] : view.members) {
    table.rows.push_back(row_of(context, member, ""));
  }
  return table;
}

std::string cluster_footer(const ClusterView& view) {
  std::string text;
  if (view.config && view.config->settings.paused) text.append(" Maintenance mode: on\n");
  if (view.failover && view.failover->scheduled_at) {
    const ZonedTime at{.at = *view.failover->scheduled_at, .east = view.failover->scheduled_east};
    text.append(fmt::format(" Switchover scheduled at: {}\n", format_time(at)));
    if (view.failover->leader)
      text.append(fmt::format("{:>24}: {}\n", "from", *view.failover->leader));
    if (view.failover->candidate) {
      text.append(fmt::format("{:>24}: {}\n", "to", *view.failover->candidate));
    }
  }
  return text;
}

std::string cluster_text(const std::string& cluster_name, const ClusterView& view,
                         const MemberTableOptions& options) {
  std::string text = render(member_table(cluster_name, view, options), options.format);
  if (options.format == Format::Pretty) text.append(cluster_footer(view));
  return text;
}

}  // namespace pgherd::ctl
