#include "decide/rules/slots.h"

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "decide/facts/promise.h"
#include "decide/facts/upstream.h"

namespace pgherd {
namespace {

constexpr Duration kLookAtSlotsAgain = 1s;
// A copy costs a restart.
constexpr Duration kCopyAgain = 60s;

using WantedSlots = std::map<std::string, WantedSlot>;

bool stands_by(const Draft& draft, PermanentSlot::Side side) {
  const bool is_standby_cluster = draft.seen.settings.standby_cluster.has_value();
  return side == PermanentSlot::Side::Both ||
         (side == PermanentSlot::Side::Standby) == is_standby_cluster;
}

// Who streams from here, or will when this node leads.
bool streams_from_me(const Draft& draft, const Member& member) {
  const auto& source = member.tags.replicatefrom;
  if (source && *source != member.name && draft.cluster().member(*source) != nullptr) {
    return *source == draft.me();
  }
  return draft.leadership() == Leadership::Mine;
}

// The slots that members need, mine excluded: of those that are there, and of those that were there
// less than member_slots_ttl ago, for they come back and need their WAL (Patroni 4.0). A node that
// never leads keeps those of its own followers only.
WantedSlots member_slots(const Draft& draft) {
  WantedSlots wanted;
  const Milliseconds ttl = draft.seen.settings.member_slots_ttl;
  const bool never_leads = draft.seen.self.tags.nofailover;
  for (const auto& [name, member] : draft.cluster().members) {
    if (name == draft.me() || member.tags.nostream) continue;
    if ((never_leads || ttl <= 0ms) && !streams_from_me(draft, member)) continue;
    const std::string slot = slot_name_of(name);
    wanted[slot] = WantedSlot{.name = slot, .advance_to = {}};
  }
  if (never_leads) return wanted;
  std::set<std::string> needless{slot_name_of(draft.me())};
  for (const auto& [name, member] : draft.cluster().members) {
    if (member.tags.nostream) needless.insert(slot_name_of(name));
  }
  for (const auto& [slot, last_seen] : draft.memory.slots.members_seen) {
    if (!needless.contains(slot) && !draft.has_come(last_seen + ttl)) {
      wanted[slot] = WantedSlot{.name = slot, .advance_to = {}};
    }
  }
  return wanted;
}

// No word of what is read here comes to the primary, which would vacuum what a slot needs.
bool is_cut_off(const Draft& draft) {
  if (draft.seen.self.tags.nostream) return true;
  const auto& members = draft.cluster().members;
  std::optional<NodeName> source = draft.seen.self.tags.replicatefrom;
  for (std::size_t hops = 0; source && *source != draft.me() && hops < members.size(); ++hops) {
    const Member* member = draft.cluster().member(*source);
    if (member == nullptr) return false;
    if (member->tags.nostream) return true;
    source = member->tags.replicatefrom;
  }
  return false;
}

bool keeps_logical_slots(const Draft& draft) {
  if (draft.seen.settings.standby_cluster) return false;
  if (draft.instance().is_running_primary()) return true;
  return !draft.seen.self.tags.nofailover && !is_cut_off(draft);
}

// U7 slots that stand in `/config` are there whoever leads, on every node that may lead. Logical
// ones are made on the primary, and copied from there.
void add_permanent_slots(const Draft& draft, WantedSlots& wanted) {
  const std::string own = slot_name_of(draft.me());
  const bool is_primary = draft.instance().is_running_primary();
  const bool with_logical = keeps_logical_slots(draft);
  for (const PermanentSlot& slot : draft.seen.settings.permanent_slots) {
    if (slot.name == own || wanted.contains(slot.name) || !stands_by(draft, slot.side)) continue;
    if (!slot.is_logical) {
      if (draft.seen.self.tags.nofailover && !is_primary) continue;
      wanted[slot.name] = WantedSlot{.name = slot.name, .advance_to = {}};
    } else if (with_logical) {
      wanted[slot.name] = WantedSlot{.name = slot.name,
                                     .advance_to = {},
                                     .is_logical = true,
                                     .database = slot.database,
                                     .plugin = slot.plugin};
    }
  }
}

bool is_permanent(const Draft& draft, const std::string& name) {
  const auto& slots = draft.seen.settings.permanent_slots;
  return std::any_of(slots.begin(), slots.end(), [&](const PermanentSlot& slot) {
    return slot.name == name && stands_by(draft, slot.side);
  });
}

bool is_ignored(const Draft& draft, const SlotView& slot) {
  const auto fits = [](const std::string& wanted, std::string_view had) {
    return wanted.empty() || wanted == had;
  };
  const auto& matchers = draft.seen.settings.ignore_slots;
  return std::any_of(matchers.begin(), matchers.end(), [&](const SlotMatcher& matcher) {
    return fits(matcher.name, slot.name) &&
           fits(matcher.type, slot.is_physical ? "physical" : "logical") &&
           fits(matcher.database, slot.database) && fits(matcher.plugin, slot.plugin);
  });
}

// A member that streams from another standby, while this node leads.
bool streams_elsewhere(const Draft& draft, const std::string& slot) {
  const auto& members = draft.cluster().members;
  return std::any_of(members.begin(), members.end(), [&](const auto& one) {
    return one.first != draft.me() && slot_name_of(one.first) == slot &&
           !streams_from_me(draft, one.second);
  });
}

// While the store is silent members say how far they are when they accept the leader.
Lsn position_without_store(const Draft& draft, const NodeName& member) {
  const auto& round = draft.seen.failsafe_round;
  if (!round || draft.seen.store.is_reachable) return {};
  const auto found = round->positions.find(member);
  return found == round->positions.end() ? Lsn{} : found->second;
}

// What a promised leader said of its slots is newer than what the store has.
Lsn reported_position(const Draft& draft, const std::string& slot) {
  const FailsafePromise* promise = promise_in_force(draft);
  const std::map<std::string, Lsn>& slots =
      promise != nullptr ? promise->ping.slots : draft.cluster().status.slots.get();
  const auto found = slots.find(slot);
  if (*draft.instance().in_recovery && found != slots.end()) return found->second;
  // A member that streams from somebody else has no slot at the leader.
  for (const auto& [name, member] : draft.cluster().members) {
    if (slot_name_of(name) == slot && member.tags.replicatefrom) {
      const Lsn published = member.receive_lsn.value_or(member.xlog_location.value_or(Lsn{}));
      return std::max(published, position_without_store(draft, name));
    }
  }
  return {};
}

bool is_of_another_kind(const SlotView& slot, const WantedSlot& slot_wanted) {
  return slot.is_physical == slot_wanted.is_logical ||
         (slot_wanted.is_logical &&
          (slot.plugin != slot_wanted.plugin || slot.database != slot_wanted.database));
}

// The slots that PostgreSQL 17 keeps in step are its own affair; but one that was left behind by a
// primary of that time keeps the server from making it anew in step with the present one, and never
// advances (Patroni 4.2).
bool is_postgres_own(const SlotView& slot) {
  return !slot.is_physical && slot.is_failover;
}

bool is_left_behind(const Draft& draft, const SlotView& slot) {
  return is_postgres_own(slot) && !slot.is_synced && draft.instance().in_recovery == true &&
         draft.leadership() == Leadership::Others;
}

bool is_led(const Draft& draft) {
  const bool leads_standbys =
      draft.seen.settings.standby_cluster.has_value() && draft.instance().is_running_standby();
  return draft.leadership() == Leadership::Others ||
         (draft.may_lead() && (draft.instance().is_running_primary() || leads_standbys));
}

// U2 what nobody needs any more would hold WAL for ever; what is lost, or holds back vacuum on a
// standby, is made anew. Only beside a leader, for only then it is known what is needed.
bool is_to_be_dropped(const Draft& draft, const SlotView& slot, const WantedSlots& wanted) {
  if (slot.is_temporary || slot.is_active || draft.seen.settings.paused) return false;
  if (is_ignored(draft, slot)) return false;
  if (is_postgres_own(slot)) return is_left_behind(draft, slot);
  if (!is_led(draft)) return false;
  const auto slot_wanted = wanted.find(slot.name);
  if (slot_wanted == wanted.end()) return slot.name != slot_name_of(draft.me());
  const bool holds_vacuum =
      slot.is_physical && slot.has_xmin && draft.instance().in_recovery == true;
  return slot.wal_status == "lost" || is_of_another_kind(slot, slot_wanted->second) || holds_vacuum;
}

enum class HeldWal { Little, Much, TooMuch };

// Up to the last checkpoint: what comes after it PostgreSQL keeps anyway, and a slot that is made
// begins there.
HeldWal wal_held_by(const Draft& draft, const SlotView& slot) {
  constexpr std::uint64_t kMuchPercent = 80;
  const auto limit = static_cast<std::uint64_t>(draft.seen.settings.slots_wal_limit_bytes);
  if (limit == 0 || !slot.restart_lsn.is_known()) return HeldWal::Little;
  const InstanceView& instance = draft.instance();
  if (!instance.control) return HeldWal::Little;
  const std::uint64_t held = lag_bytes(instance.control->checkpoint, slot.restart_lsn);
  if (held > limit) return HeldWal::TooMuch;
  return held > limit / 100 * kMuchPercent ? HeldWal::Much : HeldWal::Little;
}

// Who reads by it is not there and can be made anew. A logical slot stays: its reader would miss
// changes and not notice.
bool may_be_made_anew(const Draft& draft, const SlotView& slot) {
  return slot.is_physical && !slot.is_active && !slot.is_temporary && !is_ignored(draft, slot) &&
         !draft.seen.settings.paused && is_led(draft);
}

std::string limit_of(const Draft& draft) {
  constexpr std::int64_t kMegabyte = 1 << 20;
  const std::int64_t limit = draft.seen.settings.slots_wal_limit_bytes;
  return limit % kMegabyte == 0 ? std::to_string(limit / kMegabyte) + "MB"
                                : std::to_string(limit) + " bytes";
}

// U10 what a slot may hold back of WAL has a limit, if one is set: a full disk would end the
// primary.
void warn_of_held_wal(Draft& draft) {
  for (const SlotView& slot : draft.instance().slots) {
    const HeldWal held = wal_held_by(draft, slot);
    if (held == HeldWal::Little) continue;
    const std::string begin = "replication slot '" + slot.name + "' holds back more than ";
    if (held == HeldWal::Much) {
      draft.warn("U10", begin + "80 % of slots_wal_limit (" + limit_of(draft) +
                            "): see why its reader does not get on");
    } else if (may_be_made_anew(draft, slot)) {
      draft.warn("U10", begin + "slots_wal_limit (" + limit_of(draft) +
                            ") and is made anew: whoever comes back for it needs the archive or a "
                            "new copy");
    } else {
      draft.warn("U10", begin + "slots_wal_limit (" + limit_of(draft) +
                            ") and stays, because it is " +
                            (slot.is_active     ? "in use"
                             : slot.is_physical ? "not for pgherd to drop now"
                                                : "logical: drop it if nobody reads from it"));
    }
  }
}

std::string joined(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names)
    text += (text.empty() ? "" : ", ") + name;
  return text;
}

void explain(Draft& draft, const std::vector<std::string>& missing,
             const std::vector<std::string>& useless) {
  if (!missing.empty()) {
    const bool has_permanent =
        std::any_of(missing.begin(), missing.end(),
                    [&](const std::string& name) { return is_permanent(draft, name); });
    draft.because(has_permanent ? "U7" : "U1", "making replication slots: " + joined(missing));
  }
  if (!useless.empty()) {
    draft.because("U2", "dropping replication slots that are of no use here: " + joined(useless));
  }
}

bool is_missing_copy(const Draft& draft, const WantedSlot& slot, bool exists) {
  return !exists && slot.is_logical && *draft.instance().in_recovery;
}

// Where it stands, as far as it is moved by whom reads from it.
Lsn position_of(const SlotView& slot) {
  return slot.is_physical ? slot.restart_lsn : slot.confirmed_flush;
}

bool has_instance_step(const Draft& draft) {
  const Plan& plan = draft.planned();
  return draft.has_act_under_way() || std::any_of(plan.begin(), plan.end(), [](const Step& step) {
           return lane_of(step) == Lane::Instance;
         });
}

// U9 of a logical slot that the primary has and this standby lacks, the primary's file is put here
// while PostgreSQL is at rest: on a standby none can be made that begins where the primary's
// stands. Only where what it needs is being streamed, so that the primary keeps it from then on.
void copy_slots(Draft& draft, std::vector<WantedSlot> missing) {
  auto& copied_at = draft.memory.slots.copied_at;
  std::erase_if(copied_at,
                [&](const auto& entry) { return draft.has_come(entry.second + kCopyAgain); });
  std::erase_if(missing, [&](const WantedSlot& slot) {
    return copied_at.contains(slot.name) || !reported_position(draft, slot.name).is_known();
  });
  const InstanceView& instance = draft.instance();
  const bool is_busy = draft.seen.settings.paused || draft.seen.is_leaving ||
                       draft.seen.restart_request || draft.seen.reinitialize_request ||
                       has_instance_step(draft);
  if (missing.empty() || is_busy || !draft.seen.store.is_reachable || !instance.is_streaming ||
      draft.leadership() != Leadership::Others) {
    return;
  }
  const Member* leader = draft.cluster().leader_member();
  const auto source = leader_as_source(draft);
  if (!source || !leads_by_its_own_word(*leader)) return;
  std::vector<std::string> names;
  for (WantedSlot& slot : missing) {
    names.push_back(slot.name);
    copied_at[slot.name] = draft.moment();
    slot.advance_to = {};
  }
  draft.because("U9",
                "restarting to copy logical slots from '" + source->name + "': " + joined(names));
  draft.plan(CopySlots{.source = *source, .slots = std::move(missing)});
}

}  // namespace

// U1 every node keeps a slot for every other member, so that whoever is promoted has the WAL that
// the others need; on a standby the slots follow what the leader reports, never past the own
// replay, and on the leader those of members that stream from another standby follow what these say
// of themselves, or they would hold WAL for ever. Authority: Patroni slots.py.
void keep_slots(Draft& draft) {
  const InstanceView& instance = draft.instance();
  if (!draft.seen.settings.use_slots || instance.process != ProcessState::Running ||
      !instance.in_recovery || instance.role_is_stale) {
    return;
  }
  warn_of_held_wal(draft);
  if (draft.seen.is_under_way(Lane::Slots)) return;
  // Slots change by what is seen of them; who needs one may change, and is looked at every second.
  if (instance.seen_at == draft.memory.slots.checked_in &&
      !draft.has_come(instance.seen_at + kLookAtSlotsAgain)) {
    return;
  }
  WantedSlots wanted = member_slots(draft);
  add_permanent_slots(draft, wanted);
  KeepSlots keep;
  std::vector<std::string> missing;
  std::vector<WantedSlot> missing_copies;
  bool is_behind = false;
  const Lsn here = *instance.in_recovery ? instance.replayed : instance.flushed;
  for (auto& [name, slot_wanted] : wanted) {
    const auto found = std::find_if(
        instance.slots.begin(), instance.slots.end(),
        [&, &slot_name = name](const SlotView& slot) { return slot.name == slot_name; });
    const bool exists = found != instance.slots.end();
    const Lsn reported = reported_position(draft, name);
    const bool follows_report = *instance.in_recovery || streams_elsewhere(draft, name);
    if (is_missing_copy(draft, slot_wanted, exists)) {
      missing_copies.push_back(slot_wanted);
      continue;
    }
    const bool moves_by_itself = exists && (found->is_active || is_postgres_own(*found));
    if (follows_report && reported.is_known() && !moves_by_itself) {
      slot_wanted.advance_to = std::min(reported, here);
      is_behind = is_behind || (exists && position_of(*found) < slot_wanted.advance_to);
    }
    if (!exists) missing.push_back(name);
    keep.wanted.push_back(slot_wanted);
  }
  std::vector<std::string> useless;
  for (const SlotView& slot : instance.slots) {
    const bool is_over = wal_held_by(draft, slot) == HeldWal::TooMuch;
    const bool is_useless = is_to_be_dropped(draft, slot, wanted);
    if (is_useless) useless.push_back(slot.name);
    if (is_useless || (is_over && may_be_made_anew(draft, slot))) keep.drop.push_back(slot.name);
  }
  copy_slots(draft, std::move(missing_copies));
  const Duration gap = !missing.empty() ? Duration(200ms) : Duration(draft.seen.settings.loop_wait);
  const Instant due = draft.memory.slots.kept_at ? *draft.memory.slots.kept_at + gap : Instant{};
  if (missing.empty() && !is_behind && keep.drop.empty()) {
    draft.memory.slots.checked_in = instance.seen_at;
    return;
  }
  if (!draft.has_come(due)) return;
  draft.memory.slots.kept_at = draft.moment();
  explain(draft, missing, useless);
  draft.plan(std::move(keep));
}

}  // namespace pgherd
