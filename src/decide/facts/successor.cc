#include "decide/facts/successor.h"

#include <algorithm>

#include "decide/facts/electorate.h"

namespace pgherd {
namespace {

bool is_good(const Draft& draft, const PeerView& peer) {
  const Settings& settings = draft.seen.settings;
  if (!may_be_promoted(peer) || !peer.in_recovery) return false;
  if (settings.check_timeline && peer.timeline < draft.cluster().newest_timeline()) return false;
  return lag_bytes(draft.cluster().status.optime, peer.position) <=
         static_cast<std::uint64_t>(settings.maximum_lag_on_failover_bytes);
}

// From this leader, or by its own word: of a standby.
bool streams(const Draft& draft, const NodeName& name, const PeerView& peer) {
  const auto& senders = draft.instance().wal_senders;
  return peer.is_streaming || std::any_of(senders.begin(), senders.end(), [&](const auto& sender) {
           return sender.state == "streaming" && same_name(sender.application_name, name);
         });
}

// E14 will count them, the winner's own among them; whom an operator forces runs without, except in
// maintenance mode.
int votes_needed(const Draft& draft, const FailoverRequest& request) {
  const bool is_forced = request.candidate && !request.leader && !draft.seen.settings.paused;
  return counts_votes(draft) && !is_forced ? draft.cluster().sync->quorum + 1 : 0;
}

}  // namespace

bool may_be_promoted(const PeerView& peer) {
  return peer.is_reachable && !peer.nofailover && !peer.watchdog_failed;
}

std::map<NodeName, std::string> candidates_for(const Draft& draft, const FailoverRequest& request) {
  std::map<NodeName, std::string> found;
  for (const auto& [name, member] : draft.cluster().members) {
    if (name == draft.me() || member.tags.nofailover || member.api_url.empty()) continue;
    if (request.candidate && *request.candidate != name) continue;
    // Of a switchover; who asks for a failover to this one by name decides to lose something.
    const bool must_be_listed = is_synchronous(draft) && request.leader && !counts_votes(draft);
    if (must_be_listed && !is_in_sync(draft, name)) continue;
    found.emplace(name, member.api_url);
  }
  return found;
}

std::map<NodeName, std::string> electorate_for(const Draft& draft, const FailoverRequest& request) {
  auto electorate = candidates_for(draft, request);
  if (electorate.empty() || !request.candidate || votes_needed(draft, request) == 0)
    return electorate;
  for (const auto& [name, member] : draft.cluster().members) {
    if (name != draft.me() && !member.api_url.empty() && is_in_sync(draft, name))
      electorate.emplace(name, member.api_url);
  }
  return electorate;
}

Poll poll_of(const Draft& draft, const FailoverRequest& request,
             const std::map<NodeName, std::string>& asked, Instant since) {
  Poll poll;
  int good = 0;
  int streaming = 0;
  int votes = 0;
  for (const auto& [name, url] : asked) {
    const PeerView* peer = draft.fresh_peer(name);
    if (peer != nullptr && peer->asked_at < since) peer = nullptr;
    poll.is_complete = poll.is_complete && peer != nullptr;
    if (peer == nullptr) continue;
    if (peer->is_reachable && peer->in_recovery && is_in_sync(draft, name)) ++votes;
    const bool counts = request.candidate ? *request.candidate == name
                                          : !counts_votes(draft) || is_in_sync(draft, name);
    if (!counts || !is_good(draft, *peer)) continue;
    ++good;
    if (streams(draft, name, *peer)) ++streaming;
  }
  const int needed = votes_needed(draft, request);
  // Of several that are good one has the last record, and the others vote for it (Patroni 4.0.5).
  const int enough = request.candidate ? 1 : std::max(1, needed);
  if (request.candidate && good > 0) poll.missing_votes = std::max(0, needed - votes);
  poll.finds_successor = good >= enough && poll.missing_votes == 0;
  poll.successor_streams = streaming >= enough;
  return poll;
}

}  // namespace pgherd
