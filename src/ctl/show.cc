// The commands that only show something: history, dsn, version.
#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "ctl/commands.h"
#include "ctl/errors.h"

#ifndef PGHERD_VERSION
#define PGHERD_VERSION "unknown"
#endif

namespace pgherd::ctl {
namespace {

// 170004 -> "17.4", 90624 -> "9.6.24".
std::string postgres_version(std::int64_t number) {
  if (number < 100000) {
    return fmt::format("{}.{}.{}", number / 10000, number / 100 % 100, number % 100);
  }
  return fmt::format("{}.{}", number / 10000, number % 10000);
}

std::string member_version(CtlContext& context, const Member& member) {
  const auto reply = context.api.call(
      ApiRequest{.method = "GET", .url = member.api_url, .body = {}, .timeout = 10s});
  if (!reply) return fmt::format("{}: failed to get version: {}", member.name, reply.error().text);
  const auto status = nlohmann::json::parse(reply->body, nullptr, false);
  const auto agent = status.is_object() ? status.find("patroni") : status.end();
  if (agent == status.end() || !agent->is_object() || !agent->contains("version")) {
    return fmt::format("{}: failed to get version: the answer ({}) has no patroni.version",
                       member.name, reply->status);
  }
  const auto& version = (*agent)["version"];
  std::string text = fmt::format("{}: Patroni {}", member.name,
                                 version.is_string() ? version.get<std::string>() : version.dump());
  const auto server = status.find("server_version");
  if (server != status.end() && server->is_number_integer()) {
    text.append(" PostgreSQL ").append(postgres_version(server->get<std::int64_t>()));
  }
  return text;
}

}  // namespace

int history(CtlContext& context, const HistoryOptions& options) {
  const Cluster cluster = read_cluster(context, cluster_name(context, options.cluster));
  Table table{
      .columns = {
          {"TL", Align::Right}, {"LSN", Align::Right}, {"Reason"}, {"Timestamp"}, {"New Leader"}}};
  if (cluster.view.history) {
    for (const HistoryRow& row : *cluster.view.history) {
      table.rows.push_back({number_cell(row.parent.value),
                            number_cell(static_cast<std::int64_t>(row.switched_at.bytes)),
                            text_cell(row.reason), text_cell(row.timestamp),
                            text_cell(row.new_leader)});
    }
  }
  context.console.print(render(table, options.format));
  return 0;
}

int dsn(CtlContext& context, const OneMemberOptions& options) {
  const Cluster cluster = read_cluster(context, cluster_name(context, options.cluster));
  const auto address = address_of(cluster.view, options);
  if (!address) throw CtlError("Can not find a suitable member");
  context.console.say(fmt::format("host={} port={}", address->host, address->port));
  return 0;
}

std::optional<HostPort> address_of(const ClusterView& view, const OneMemberOptions& options) {
  if (options.role && options.member) {
    throw CtlError("--role and --member are mutually exclusive options");
  }
  const bool is_named = options.member.has_value();
  const RoleFilter role = options.role.value_or(is_named ? RoleFilter::Any : RoleFilter::Leader);
  for (const Member& member : members_of_role(view, role)) {
    if (is_named && member.name != *options.member) continue;
    if (auto address = parse_conn_url(member.conn_url)) return address;
  }
  return std::nullopt;
}

int print_version(Console& console, const std::string& program) {
  console.say(fmt::format("{} version {}", program, PGHERD_VERSION));
  return 0;
}

int version(CtlContext& context, const VersionOptions& options) {
  (void)print_version(context.console, options.program);
  if (!options.cluster) return 0;
  const Cluster cluster = read_cluster(context, *options.cluster);
  for (const std::string& name : options.members) {
    if (cluster.view.member(name) == nullptr) {
      throw CtlError(fmt::format("{} is not a member of cluster {}", name, cluster.name));
    }
  }
  context.console.say("");
  for (const auto& [name, member] : cluster.view.members) {
    const bool is_wanted =
        options.members.empty() ||
        std::find(options.members.begin(), options.members.end(), name) != options.members.end();
    // A member without an API has no version to tell, as for patronictl.
    if (is_wanted && !member.api_url.empty()) context.console.say(member_version(context, member));
  }
  return 0;
}

}  // namespace pgherd::ctl
