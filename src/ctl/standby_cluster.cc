// demote-cluster and promote-cluster: make the cluster a standby of another one, and undo that.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "ctl/commands.h"
#include "ctl/errors.h"
#include "ctl/time_text.h"

namespace pgherd::ctl {
namespace {

struct Change {
  const char* verb;        // "demote"
  const char* noun;        // "demotion"
  const char* past;        // "demoted"
  MemberRole wanted;       // of the leader, when it is done
  nlohmann::json section;  // what `standby_cluster` becomes; null removes it
};

nlohmann::json section_of(const DemoteClusterOptions& options) {
  nlohmann::json section = nlohmann::json::object();
  const auto add = [&section](const char* key, const std::optional<std::string>& value) {
    if (value && !value->empty()) section[key] = *value;
  };
  add("host", options.host);
  add("restore_command", options.restore_command);
  if (options.port) section["port"] = *options.port;
  if (section.empty()) {
    throw CtlError("At least --host, --port or --restore-command should be specified");
  }
  add("primary_slot_name", options.primary_slot_name);
  return section;
}

const Member& leader_of(const Cluster& cluster, const Change& change) {
  const Member* leader = cluster.view.leader_member();
  if (leader == nullptr) {
    throw CtlError(fmt::format("Cluster has no leader, {} is not possible", change.noun));
  }
  if (leader->role == change.wanted) throw CtlError("Cluster is already in the required state");
  return *leader;
}

void send(CtlContext& context, const Cluster& cluster, const Member& leader, const Change& change) {
  nlohmann::json body;
  body["standby_cluster"] = change.section;
  const auto reply = call_member(context.api, leader.api_url, "PATCH", "config", body.dump());
  if (!reply) throw CtlError(fmt::format("{}: {}", leader.name, reply.error().text));
  if (reply->status == 200) return;
  throw CtlError(fmt::format("Failed to {} {} cluster: /config PATCH status code={}, ({})",
                             change.verb, cluster.name, reply->status, reply->body));
}

bool is_running(const Member* member) {
  return member != nullptr && member->state == MemberState::Running;
}

// The former leader, too: a cluster that is demoted is whole again only when that one follows.
bool is_done(const Cluster& cluster, const NodeName& before, const Change& change) {
  const Member* leader = cluster.view.leader_member();
  return is_running(leader) && leader->role == change.wanted &&
         is_running(cluster.view.member(before));
}

std::string_view role_of(const Member& member) {
  return member.role ? to_string(*member.role) : "unknown";
}
std::string_view state_of(const Member& member) {
  return member.state ? to_string(*member.state) : "unknown";
}

std::string progress(const Cluster& cluster, const NodeName& before) {
  const Member* leader = cluster.view.leader_member();
  std::string text = fmt::format("cluster is unlocked: {}", leader == nullptr ? "True" : "False");
  if (leader != nullptr) {
    text += fmt::format(", leader role: {}, leader state: {}", role_of(*leader), state_of(*leader));
  }
  const Member* former = cluster.view.member(before);
  if (former != nullptr && former != leader) {
    text += fmt::format(", previous leader state: {}", state_of(*former));
  }
  return text;
}

// For as long as it takes: a demotion may wait for a shutdown, a rewind or a copy.
void wait_until_done(CtlContext& context, const std::string& name, const NodeName& before,
                     const Change& change) {
  for (;;) {
    context.store.sleep_until(context.store.now() + 1s);
    const Cluster cluster = read_cluster(context, name);
    const std::string now = stamp(context.store.wall_now());
    if (is_done(cluster, before, change)) {
      context.console.say(fmt::format("{} cluster is successfully {}", now, change.past));
      return print_cluster(context, cluster);
    }
    context.console.say(fmt::format("{} {}", now, progress(cluster, before)));
  }
}

int carry_out(CtlContext& context, const std::optional<std::string>& named, bool force,
              const Change& change) {
  const Cluster cluster = read_cluster(context, cluster_name(context, named));
  const Member leader = leader_of(cluster, change);
  print_topology(context, cluster);
  if (!force && !context.console.confirm(fmt::format("Are you sure you want to {} {} cluster?",
                                                     change.verb, cluster.name))) {
    throw CtlError(fmt::format("Aborted cluster {}", change.noun));
  }
  send(context, cluster, leader, change);
  wait_until_done(context, cluster.name, leader.name, change);
  return 0;
}

}  // namespace

int demote_cluster(CtlContext& context, const DemoteClusterOptions& options) {
  const Change change{.verb = "demote",
                      .noun = "demotion",
                      .past = "demoted",
                      .wanted = MemberRole::StandbyLeader,
                      .section = section_of(options)};
  return carry_out(context, options.cluster, options.force, change);
}

int promote_cluster(CtlContext& context, const PromoteClusterOptions& options) {
  const Change change{.verb = "promote",
                      .noun = "promotion",
                      .past = "promoted",
                      .wanted = MemberRole::Primary,
                      .section = nullptr};
  return carry_out(context, options.cluster, options.force, change);
}

}  // namespace pgherd::ctl
