#include "decide/rules/failsafe.h"

#include <algorithm>

#include "decide/facts/promise.h"

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
    memory.failsafe.members = std::move(wanted);
    return;
  }
  for (const auto& [name, url] : wanted)
    memory.failsafe.members[name] = url;
  draft.because("H1", "writing the members that must accept a leader without the store");
  draft.plan(PublishFailsafe{.members = std::move(wanted)});
}

bool lease_is_in_danger(const Draft& draft) {
  return draft.has_come(draft.seen.session.renewed_at +
                        failsafe_after(draft.seen.settings, draft.seen.session.ttl));
}

AskFailsafe question(const Draft& draft) {
  const Identity& self = draft.seen.self;
  AskFailsafe ask;
  ask.targets = draft.memory.failsafe.members;
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
                           draft.memory.stepping_down.state == SteppingDown::No;
  if (!is_at_stake) return;
  if (!lease_is_in_danger(draft)) return;
  if (!draft.cluster().failsafe.contains(draft.me())) return;
  const auto& confirmed = draft.seen.failsafe_confirmed_at;
  const bool is_held = confirmed && *confirmed > draft.seen.session.renewed_at &&
                       !draft.has_come(*confirmed + draft.margins().demote_after);
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
  if (!draft.has_come(due)) return;
  if (!is_held)
    draft.because("H2", "the store does not answer: asking all members to accept this leader");
  draft.plan(question(draft));
}

}  // namespace

void keep_failsafe(Draft& draft) {
  if (!draft.seen.settings.failsafe_mode || !draft.seen.store.cluster) return;
  if (draft.seen.store.is_reachable && draft.may_lead() && draft.instance().is_running_primary() &&
      !draft.has_come(draft.seen.session.renewed_at + draft.margins().demote_after)) {
    publish_members(draft);
  }
  ask_members(draft);
}

}  // namespace pgherd
