#include "sim/sync_judge.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "sim/store_text.h"

namespace pgherd::sim {
namespace {

// How long after an operator's word its consequences may still show.
constexpr Duration kAftermath = 20s;

std::string listed(const std::set<NodeName>& names) {
  std::string text;
  for (const auto& name : names)
    text += (text.empty() ? "" : ",") + name;
  return "{" + text + "}";
}

std::set<std::uint64_t> ids_in(const Wal& wal, const std::set<std::uint64_t>& wanted) {
  std::set<std::uint64_t> found;
  for (std::size_t i = 0; i < wal.size(); ++i) {
    if (wanted.contains(wal[i].id)) found.insert(wal[i].id);
  }
  return found;
}

}  // namespace

void SyncJudge::sync_is(const std::string& json) {
  ++version_;
  leader_ = text_at(json, "leader");
  voters_ = names_at(json, "sync_standby");
  quorum_ = static_cast<int>(number_at(json, "quorum"));
}

void SyncJudge::config_is(const std::string& json) {
  const auto mode = text_at(json, "synchronous_mode");
  const bool was_on = std::exchange(is_on_, mode == "on" || mode == "true" || mode == "quorum");
  if (!was_on || !is_on_) off_until_ = sim_.queue.now();
  is_strict_ = is_on_ && text_at(json, "synchronous_mode_strict") == "true";
  config_at_ = sim_.queue.now();
  strict_pid_ = 0;
}

void SyncJudge::request_is(const std::string& json) {
  const auto now = sim_.queue.now();
  for (auto& [name, until] : forced_)
    until = std::min(until, now + kAftermath);
  const auto member = text_at(json, "member");
  if (!member.empty() && text_at(json, "leader").empty()) forced_[member] = Instant::never();
}

bool SyncJudge::is_excused(const NodeName& promoted) const {
  const auto now = sim_.queue.now();
  if (!is_on_ || now < off_until_ + kAftermath) return true;
  const auto found = forced_.find(promoted);
  return found != forced_.end() && now < found->second;
}

void SyncJudge::acknowledged(const Clients::Acknowledged& write) {
  acknowledged_.insert(write.id);
  if (write.is_synchronous) {
    kept_.insert(write.id);
    ++synchronous_writes_;
  }
}

std::optional<std::string> SyncJudge::promoted(const SimServer& server) {
  const auto& wal = server.directory().wal;
  std::set<std::uint64_t> there;
  for (std::size_t i = 0; i < wal.size(); ++i)
    there.insert(wal[i].id);
  std::set<std::uint64_t> lost;
  std::set_difference(kept_.begin(), kept_.end(), there.begin(), there.end(),
                      std::inserter(lost, lost.end()));
  const bool is_excused_now = is_excused(server.name());
  if (!is_excused_now) ++judged_promotions_;
  if (lost.empty()) return std::nullopt;
  for (const auto id : lost)
    kept_.erase(id);
  if (is_excused_now) return std::nullopt;
  return "B7: " + server.name() + " is promoted without " + std::to_string(lost.size()) +
         " writes that were acknowledged synchronously; /sync names " + leader_ + " and " +
         listed(voters_) + ", quorum " + std::to_string(quorum_);
}

std::optional<std::string> SyncJudge::judge_counts(const SimServer& open,
                                                   const StandbyList& list) const {
  std::set<NodeName> electing = voters_;
  electing.insert(leader_);
  std::set<NodeName> writing(list.names.begin(), list.names.end());
  writing.insert(open.name());
  std::set<NodeName> all = electing;
  all.insert(writing.begin(), writing.end());
  const bool is_nested =
      std::includes(electing.begin(), electing.end(), writing.begin(), writing.end()) ||
      std::includes(writing.begin(), writing.end(), electing.begin(), electing.end());
  const int count = list.has_star() ? 0 : static_cast<int>(list.count);
  if (is_nested && static_cast<int>(all.size()) <= quorum_ + count + 1) return std::nullopt;
  return "B3: " + open.name() + " acknowledges by '" + list.text + "', /sync names " + leader_ +
         " and " + listed(voters_) + ", quorum " + std::to_string(quorum_);
}

// Who is listed vouches for what was acknowledged without it, too.
std::optional<std::string> SyncJudge::judge_voters(
    const SimServer& open, const std::vector<const SimServer*>& servers) const {
  const auto promised = ids_in(open.directory().wal, acknowledged_);
  std::map<std::uint64_t, int> missing;
  for (const SimServer* server : servers) {
    if (!voters_.contains(server->name()) || server->directory().state != DataDirectory::Valid) {
      continue;
    }
    const auto there = ids_in(server->directory().wal, promised);
    for (const auto id : promised) {
      if (!there.contains(id) && ++missing[id] > quorum_) {
        return "B6: /sync names " + leader_ + " and " + listed(voters_) + ", quorum " +
               std::to_string(quorum_) + ", but " + server->name() +
               " and others lack what was acknowledged";
      }
    }
  }
  return std::nullopt;
}

std::optional<std::string> SyncJudge::look(const SimServer& open,
                                           const std::vector<const SimServer*>& servers) {
  const auto& commits = open.sync_commit();
  const std::pair now(version_, commits.version());
  const bool is_rewritten = judged_.first != version_;
  if (now == judged_ && judged_pid_ == open.pid()) return std::nullopt;
  judged_ = now;
  judged_pid_ = open.pid();
  const bool waits = std::none_of(commits.in_force().begin(), commits.in_force().end(),
                                  [](const StandbyList& list) { return list.is_empty(); });
  // By then the leader has heard of it, or has lost its lease.
  const bool is_known = sim_.queue.now() > config_at_ + kAftermath;
  if (is_strict_ && is_known && waits) strict_pid_ = open.pid();
  if (is_strict_ && !waits && strict_pid_ == open.pid()) {
    return "B4: " + open.name() + " does not let commits wait any more, in strict mode";
  }
  if (leader_.empty() || voters_.empty()) return std::nullopt;
  for (const StandbyList& list : commits.in_force()) {
    if (auto wrong = judge_counts(open, list)) return wrong;
  }
  if (is_rewritten && leader_ == open.name()) return judge_voters(open, servers);
  return std::nullopt;
}

}  // namespace pgherd::sim
