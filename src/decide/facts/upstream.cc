#include "decide/facts/upstream.h"

namespace pgherd {
namespace {

std::optional<Upstream> as_upstream(const Draft& draft, const Member* member) {
  if (member == nullptr) return std::nullopt;
  const auto address = parse_conn_url(member->conn_url);
  if (!address) return std::nullopt;
  Upstream upstream{
      .name = member->name,
      .host = address->host,
      .port = address->port,
      .slot = draft.seen.settings.use_slots ? slot_name_of(draft.me()) : std::string{},
  };
  // What a standby cluster says of the archive holds for all its members.
  if (const auto& section = draft.seen.settings.standby_cluster) {
    upstream.restore_command = section->restore_command;
    upstream.archive_cleanup_command = section->archive_cleanup_command;
  }
  return upstream;
}

}  // namespace

std::optional<Upstream> leader_as_source(const Draft& draft) {
  return as_upstream(draft, draft.cluster().leader_member());
}

std::optional<Upstream> upstream_for(const Draft& draft) {
  const Tags& tags = draft.seen.self.tags;
  if (tags.nostream) return Upstream{};
  if (tags.replicatefrom && *tags.replicatefrom != draft.me()) {
    if (auto chosen = as_upstream(draft, draft.cluster().member(*tags.replicatefrom)))
      return chosen;
  }
  return leader_as_source(draft);
}

std::optional<Upstream> remote_primary(const Draft& draft) {
  const auto& section = draft.seen.settings.standby_cluster;
  if (!section) return std::nullopt;
  Upstream upstream;
  upstream.name = "the remote primary";
  upstream.host = section->host;
  if (!section->host.empty()) {
    upstream.port = section->port.empty() ? "5432" : section->port;
    // Its name is made as the other cluster's members make those of theirs.
    if (draft.seen.settings.use_slots) upstream.slot = slot_name_of(section->primary_slot_name);
  }
  upstream.is_remote = true;
  upstream.restore_command = section->restore_command;
  upstream.archive_cleanup_command = section->archive_cleanup_command;
  upstream.recovery_min_apply_delay = section->recovery_min_apply_delay;
  return upstream;
}

std::optional<Upstream> upstream_in_standby_cluster(const Draft& draft) {
  if (!draft.seen.settings.standby_cluster) return std::nullopt;
  switch (draft.leadership()) {
    case Leadership::Mine:
      return remote_primary(draft);
    case Leadership::Others:
      return upstream_for(draft);
    case Leadership::Nobodys:
      break;
  }
  return std::nullopt;
}

bool leads_by_its_own_word(const Member& member) {
  return member.state == MemberState::Running &&
         (member.role == MemberRole::Primary || member.role == MemberRole::StandbyLeader);
}

}  // namespace pgherd
