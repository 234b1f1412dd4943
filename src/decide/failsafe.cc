#include <algorithm>

#include "decide/rules.h"

namespace pgherd {
namespace {

// A round that was not accepted is repeated while there is time.
constexpr Duration kAskAgain = 150ms;

std::map<NodeName, std::string> wanted_members(const Draft& draft) {
  std::map<NodeName, std::string> members;
  for (const auto& [name, member] : draft.cluster().members) {
    if (!member.api_url.empty()) members.emplace(name, member.api_url);
  }
  members[draft.me()] = draft.seen.self.api_url;
  return members;
}

// H1 the leader writes who must accept it. What was sent and not yet seen counts as written: a
// member that reads its name there may be elected, so it must be asked, too.
void publish_members(Draft& draft) {
  Memory& memory = draft.memory;
  if (draft.seen.is_under_way(Lane::Failsafe)) return;
  const auto& written = draft.cluster().failsafe;
  auto wanted = wanted_members(draft);
  if (wanted == written) {
    memory.failsafe_members = std::move(wanted);
    return;
  }
  for (const auto& [name, url] : wanted)
    memory.failsafe_members[name] = url;
  draft.because("H1", "writing the members that must accept a leader without the store");
  draft.plan(PublishFailsafe{.members = std::move(wanted)});
}

bool lease_is_in_danger(const Draft& draft) {
  return draft.now >= draft.seen.session.renewed_at +
                          failsafe_after(draft.seen.settings, draft.seen.session.ttl);
}

AskFailsafe question(const Draft& draft) {
  const Identity& self = draft.seen.self;
  AskFailsafe ask;
  ask.targets = draft.memory.failsafe_members;
  for (const auto& [name, url] : draft.cluster().failsafe)
    ask.targets[name] = url;
  ask.targets.erase(draft.me());
  ask.timeout = draft.probe_timeout();
  ask.ping = {.name = self.name, .conn_url = self.conn_url, .api_url = self.api_url, .slots = {}};
  ask.ping.ttl = std::max(draft.seen.settings.ttl, draft.seen.session.ttl);
  for (const SlotView& slot : draft.instance().slots) {
    const Lsn position = slot.is_physical ? slot.restart_lsn : slot.confirmed_flush;
    if (!slot.is_temporary && position.is_known()) ask.ping.slots[slot.name] = position;
  }
  ask.ping.slots[slot_name_of(self.name)] = draft.instance().flushed;
  return ask;
}

// H2 the lease runs out because the store does not answer: ask all members that `/failsafe` names,
// and go on asking. H3 all accept, so none of them takes over for ttl: stay. H4 one does not, and
// none of the rounds that follow is accepted: D1 stops PostgreSQL retry_timeout + loop_wait after
// the first of these, or when the time of the last accepted one is over. A lost key is no silent
// store (safety 88).
void ask_members(Draft& draft) {
  const auto& round = draft.seen.failsafe_round;
  const bool is_at_stake = draft.seen.session.leads && draft.leadership() == Leadership::Mine &&
                           draft.instance().is_running_primary() && !draft.seen.settings.paused &&
                           !draft.seen.is_leaving &&
                           draft.memory.stepping_down == Memory::SteppingDown::No;
  if (!is_at_stake) return;
  if (!lease_is_in_danger(draft)) {
    return draft.wake(draft.seen.session.renewed_at +
                      failsafe_after(draft.seen.settings, draft.seen.session.ttl));
  }
  if (!draft.cluster().failsafe.contains(draft.me())) return;
  const auto& confirmed = draft.seen.failsafe_confirmed_at;
  const bool is_held =
      confirmed && draft.now<*confirmed + draft.margins().demote_after&& * confirmed> draft.seen
                       .session.renewed_at;
  if (round && !round->is_accepted && round->ended_at > draft.seen.session.renewed_at) {
    draft.because("H4", "without the store, and not all members accept it: " + round->problem);
  } else if (is_held) {
    draft.because("H3",
                  "continue to run as a leader because failsafe mode is enabled and all "
                  "members are accessible");
  }
  if (draft.seen.is_under_way(Lane::FailsafeRound)) return;
  Instant due;
  if (round && !round->is_accepted) due = round->ended_at + kAskAgain;
  if (round && round->is_accepted) due = round->asked_at + draft.margins().renew_every;
  if (draft.now < due) return draft.wake(due);
  if (!is_held)
    draft.because("H2", "the store does not answer: asking all members to accept this leader");
  draft.plan(question(draft));
}

}  // namespace

Instant leads_since(const Observation& seen) {
  const Instant renewed = seen.session.renewed_at;
  return seen.settings.failsafe_mode && seen.failsafe_confirmed_at
             ? std::max(renewed, *seen.failsafe_confirmed_at)
             : renewed;
}

// Not by whom may be a primary already or is about to become one: the key may be this node's before
// it knows of it (safety 83). Not for anybody but the leader that this node knows.
bool may_promise(const Observation& seen, const FailsafePing& ping, std::string& why_not) {
  const InstanceView& instance = seen.instance;
  const bool may_be_open =
      instance.is_running_primary() ||
      (instance.process == ProcessState::Starting && !instance.has_standby_signal);
  const auto act = seen.under_way.find(Lane::Instance);
  const bool is_opening =
      act != seen.under_way.end() && may_open_for_writes(act->second.step) &&
      !(std::holds_alternative<Restart>(act->second.step) && instance.has_standby_signal);
  const auto& cluster = seen.store.cluster;
  const bool is_led = cluster && cluster->has_leader();
  if (!seen.settings.failsafe_mode) {
    why_not = "failsafe_mode is off";
  } else if (may_be_open || is_opening || seen.session.leads ||
             seen.under_way.contains(Lane::LeaderKey) ||
             (is_led && cluster->is_led_by(seen.self.name))) {
    why_not = "Running as a leader";
  } else if (is_led && seen.store.is_reachable && !cluster->is_led_by(ping.name)) {
    why_not = "'" + cluster->leader->name + "' holds the leader key";
  } else {
    return true;
  }
  return false;
}

FailsafePromise promise_to(const Observation& seen, const FailsafePing& ping, Instant now) {
  // However long it asks for, a failover is not put off for ever.
  constexpr Milliseconds kLongest = 600s;
  const Milliseconds ttl = std::max(seen.settings.ttl, std::min(ping.ttl, kLongest));
  const Instant before = seen.failsafe_promise ? seen.failsafe_promise->until : Instant{};
  return {.ping = ping, .until = std::max(before, now + ttl), .given_at = now};
}

bool failsafe_is_active(const Observation& seen, Instant now) {
  const Duration ttl = seen.settings.ttl;
  const bool is_accepted = seen.failsafe_confirmed_at && seen.session.leads &&
                           seen.instance.is_running_primary() &&
                           *seen.failsafe_confirmed_at > seen.session.renewed_at &&
                           now < *seen.failsafe_confirmed_at + ttl;
  const bool has_accepted = !seen.instance.is_running_primary() && seen.failsafe_promise &&
                            now < seen.failsafe_promise->until;
  return seen.settings.failsafe_mode && (is_accepted || has_accepted);
}

const FailsafePromise* promise_in_force(const Draft& draft) {
  const auto& promise = draft.seen.failsafe_promise;
  if (!promise || promise->ping.name == draft.me() || draft.now >= promise->until) return nullptr;
  // It has found the store again and gave way; it would ask anew (sim seed 35123).
  const auto answer = draft.seen.peers.find(promise->ping.name);
  const bool has_closed = answer != draft.seen.peers.end() &&
                          answer->second.asked_at > promise->given_at &&
                          is_seen_not_to_lead(answer->second);
  return has_closed ? nullptr : &*promise;
}

// Only a running primary leads without the store.
bool is_seen_not_to_lead(const PeerView& peer) {
  return peer.is_demoted || (peer.is_reachable && peer.in_recovery);
}

void keep_failsafe(Draft& draft) {
  if (!draft.seen.settings.failsafe_mode || !draft.seen.store.cluster) return;
  if (draft.seen.store.is_reachable && draft.may_lead() && draft.instance().is_running_primary() &&
      draft.now < draft.seen.session.renewed_at + draft.margins().demote_after) {
    publish_members(draft);
  }
  ask_members(draft);
}

}  // namespace pgherd
