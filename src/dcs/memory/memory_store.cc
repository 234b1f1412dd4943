#include "dcs/memory/memory_store.h"

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace pgherd {

namespace {

DcsError lease_unknown(LeaseId lease) {
  return {DcsErrorKind::LeaseUnknown,
          "memory store: requested lease not found: " + std::to_string(lease.value)};
}

DcsError compacted_error(Revision asked, Revision compacted) {
  return {DcsErrorKind::Compacted, "memory store: revision " + std::to_string(asked.value) +
                                       " has been compacted, the oldest is " +
                                       std::to_string(compacted.value)};
}

bool starts_with(const std::string& key, std::string_view prefix) {
  return std::string_view(key).starts_with(prefix);
}

std::vector<KeyValue> under(const std::map<std::string, KeyValue>& entries,
                            std::string_view prefix) {
  std::vector<KeyValue> found;
  for (auto at = entries.lower_bound(std::string(prefix));
       at != entries.end() && starts_with(at->first, prefix); ++at)
    found.push_back(at->second);
  return found;
}

std::vector<WatchEvent> under(const std::vector<WatchEvent>& events, std::string_view prefix) {
  std::vector<WatchEvent> found;
  std::copy_if(events.begin(), events.end(), std::back_inserter(found),
               [&](const WatchEvent& event) { return starts_with(event.entry.key, prefix); });
  return found;
}

void replay(const std::vector<WatchEvent>& events, std::map<std::string, KeyValue>& entries) {
  for (const auto& event : events) {
    if (event.is_deletion)
      entries.erase(event.entry.key);
    else
      entries[event.entry.key] = event.entry;
  }
}

}  // namespace

// ---- Time ---------------------------------------------------------------------------------------

void MemoryStore::advance(Instant now) {
  PGHERD_CHECK(now >= now_, "a lease would end before its time is over");
  while (next_expiry() <= now) {
    const auto first = std::min_element(
        leases_.begin(), leases_.end(),
        [](const auto& a, const auto& b) { return a.second.expires_at < b.second.expires_at; });
    now_ = std::max(now_, first->second.expires_at);
    end_lease(first->first);
  }
  now_ = now;
}

Instant MemoryStore::next_expiry() const {
  Instant next = Instant::never();
  for (const auto& [id, lease] : leases_)
    next = std::min(next, lease.expires_at);
  return next;
}

void MemoryStore::restart_leases() {
  for (auto& [id, lease] : leases_)
    lease.expires_at = now_ + lease.ttl;
}

// ---- Reading ------------------------------------------------------------------------------------

Snapshot MemoryStore::read(std::string_view prefix) const {
  return {.entries = under(entries_, prefix), .revision = revision_};
}

Result<Snapshot, DcsError> MemoryStore::read_at(std::string_view prefix, Revision revision) const {
  if (revision < compacted_) return fail(compacted_error(revision, compacted_));
  if (revision > revision_)
    return fail(DcsError{DcsErrorKind::Rejected, "memory store: revision " +
                                                     std::to_string(revision.value) +
                                                     " is in the future, the present is " +
                                                     std::to_string(revision_.value)});
  auto entries = before_changes_;
  for (const auto& [at, events] : changes_) {
    if (at > revision) break;
    replay(events, entries);
  }
  return Snapshot{.entries = under(entries, prefix), .revision = revision};
}

std::optional<KeyValue> MemoryStore::get(const std::string& key) const {
  const auto found = entries_.find(key);
  if (found == entries_.end()) return std::nullopt;
  return found->second;
}

// ---- Writing ------------------------------------------------------------------------------------

// A key that is absent compares as zero, except that it has no value, not even an empty one.
bool MemoryStore::holds(const Compare& compare) const {
  const auto found = entries_.find(compare.key);
  const KeyValue* entry = found == entries_.end() ? nullptr : &found->second;
  switch (compare.what) {
    case Compare::What::CreateRevision:
      return (entry ? entry->create_revision.value : 0) == compare.number;
    case Compare::What::ModRevision:
      return (entry ? entry->mod_revision.value : 0) == compare.number;
    case Compare::What::Lease:
      return (entry ? entry->lease.value : 0) == compare.number;
    case Compare::What::Value:
      return entry && entry->value == compare.text;
  }
  return false;
}

namespace {

// Two deletions of one key are no offence. Transactions are a handful of writes.
bool writes_a_key_twice(const std::vector<Write>& writes) {
  const auto key_of = [](const Write& write) -> const std::string& {
    const auto* put = std::get_if<Put>(&write);
    return put != nullptr ? put->key : std::get<Delete>(write).key;
  };
  for (auto one = writes.begin(); one != writes.end(); ++one) {
    if (!std::holds_alternative<Put>(*one)) continue;
    for (auto other = writes.begin(); other != writes.end(); ++other) {
      if (other != one && key_of(*other) == key_of(*one)) return true;
    }
  }
  return false;
}

}  // namespace

std::optional<DcsError> MemoryStore::objection_to(const std::vector<Write>& writes) const {
  for (const auto& write : writes) {
    const auto* to_put = std::get_if<Put>(&write);
    if (!to_put || (to_put->only_if_absent && entries_.contains(to_put->key))) continue;
    if (to_put->lease.exists() && !leases_.contains(to_put->lease))
      return lease_unknown(to_put->lease);
  }
  return std::nullopt;
}

Result<Committed, DcsError> MemoryStore::commit(const Transaction& transaction) {
  PGHERD_CHECK(!is_telling_, "a watch handler would change the store it is being told about");
  if (writes_a_key_twice(transaction.writes) || writes_a_key_twice(transaction.otherwise))
    return fail(
        DcsError{DcsErrorKind::Rejected, "memory store: duplicate key given in txn request"});
  const bool succeeded = std::all_of(transaction.compares.begin(), transaction.compares.end(),
                                     [this](const Compare& compare) { return holds(compare); });
  const auto& writes = succeeded ? transaction.writes : transaction.otherwise;
  if (auto objection = objection_to(writes)) return fail(std::move(*objection));
  apply(writes);
  return Committed{.succeeded = succeeded, .revision = revision_};
}

void MemoryStore::apply(const std::vector<Write>& writes) {
  const Revision at{revision_.value + 1};
  std::vector<WatchEvent> events;
  for (const auto& write : writes) {
    if (const auto* to_put = std::get_if<Put>(&write)) {
      if (!to_put->only_if_absent || !entries_.contains(to_put->key)) put(*to_put, at, events);
    } else {
      remove(std::get<Delete>(write).key, at, events);
    }
  }
  record(at, std::move(events));
}

void MemoryStore::put(const Put& put, Revision at, std::vector<WatchEvent>& events) {
  auto& entry = entries_[put.key];
  detach(entry);
  if (entry.key.empty()) entry.create_revision = at;
  entry.key = put.key;
  entry.value = put.value;
  entry.mod_revision = at;
  entry.lease = put.lease;
  if (put.lease.exists()) leases_.at(put.lease).keys.insert(put.key);
  events.push_back({.is_deletion = false, .entry = entry});
}

void MemoryStore::remove(const std::string& key, Revision at, std::vector<WatchEvent>& events) {
  const auto found = entries_.find(key);
  if (found == entries_.end()) return;
  detach(found->second);
  entries_.erase(found);
  WatchEvent event{.is_deletion = true, .entry = {}};
  event.entry.key = key;
  event.entry.mod_revision = at;
  events.push_back(std::move(event));
}

void MemoryStore::detach(const KeyValue& entry) {
  const auto lease = leases_.find(entry.lease);
  if (lease != leases_.end()) lease->second.keys.erase(entry.key);
}

// What changed nothing (a delete of an absent key) is no revision.
void MemoryStore::record(Revision at, std::vector<WatchEvent> events) {
  if (events.empty()) return;
  revision_ = at;
  is_telling_ = true;
  const WatchBatch batch{.events = std::move(events), .revision = at};
  for (const auto& [id, watcher] : watchers_) {
    if (at < watcher.from) continue;
    const auto concerns = [&prefix = watcher.prefix](const WatchEvent& event) {
      return starts_with(event.entry.key, prefix);
    };
    if (std::all_of(batch.events.begin(), batch.events.end(), concerns)) {
      watcher.handler(batch);
    } else if (auto seen = under(batch.events, watcher.prefix); !seen.empty()) {
      watcher.handler({.events = std::move(seen), .revision = at});
    }
  }
  is_telling_ = false;
  changes_.emplace_hint(changes_.end(), at, batch.events);
}

// ---- Leases -------------------------------------------------------------------------------------

Result<Dcs::Lease, DcsError> MemoryStore::grant(Milliseconds ttl) {
  if (ttl <= 0ms)
    return fail(DcsError{
        DcsErrorKind::Rejected,
        "memory store: a lease of " + std::to_string(ttl.count()) + " ms is none; ask for more"});
  // etcd counts leases in whole seconds.
  const auto given = std::max(minimum_ttl_, Milliseconds(std::chrono::ceil<Seconds>(ttl)));
  const LeaseId id{next_lease_++};
  leases_[id] = {.ttl = given, .expires_at = now_ + given, .keys = {}};
  return Dcs::Lease{.id = id, .ttl = given};
}

Result<Dcs::Lease, DcsError> MemoryStore::keep_alive(LeaseId lease) {
  const auto found = leases_.find(lease);
  if (found == leases_.end()) return fail(lease_unknown(lease));
  found->second.expires_at = now_ + found->second.ttl;
  return Dcs::Lease{.id = lease, .ttl = found->second.ttl};
}

Result<Committed, DcsError> MemoryStore::revoke(LeaseId lease) {
  if (!leases_.contains(lease)) return fail(lease_unknown(lease));
  end_lease(lease);
  return Committed{.succeeded = true, .revision = revision_};
}

void MemoryStore::end_lease(LeaseId lease) {
  PGHERD_CHECK(!is_telling_, "a watch handler would change the store it is being told about");
  const auto keys = leases_.at(lease).keys;
  const Revision at{revision_.value + 1};
  std::vector<WatchEvent> events;
  for (const auto& key : keys)
    remove(key, at, events);
  leases_.erase(lease);
  record(at, std::move(events));
}

// ---- The past -----------------------------------------------------------------------------------

void MemoryStore::compact(Revision revision) {
  PGHERD_CHECK(revision <= revision_, "the present would be forgotten with the past");
  while (!changes_.empty() && changes_.begin()->first < revision) {
    replay(changes_.begin()->second, before_changes_);
    changes_.erase(changes_.begin());
  }
  compacted_ = std::max(compacted_, revision);
}

Result<std::vector<WatchBatch>, DcsError> MemoryStore::events_since(std::string_view prefix,
                                                                    Revision from) const {
  if (from.value == 0) return std::vector<WatchBatch>{};
  if (from < compacted_) return fail(compacted_error(from, compacted_));
  std::vector<WatchBatch> batches;
  for (auto at = changes_.lower_bound(from); at != changes_.end(); ++at) {
    auto seen = under(at->second, prefix);
    if (!seen.empty()) batches.push_back({.events = std::move(seen), .revision = at->first});
  }
  return batches;
}

Result<MemoryStore::WatcherId, DcsError> MemoryStore::watch(std::string prefix, Revision from,
                                                            ChangeHandler handler) {
  auto missed = events_since(prefix, from);
  if (!missed) return fail(std::move(missed.error()));
  for (const auto& batch : *missed)
    handler(batch);
  const auto id = next_watcher_++;
  watchers_[id] = {.prefix = std::move(prefix), .from = from, .handler = std::move(handler)};
  return id;
}

std::string MemoryStore::dump() const {
  std::string text = "revision " + std::to_string(revision_.value) + " compacted " +
                     std::to_string(compacted_.value) + "\n";
  for (const auto& [key, entry] : entries_)
    text += key + " = " + entry.value + " (created " + std::to_string(entry.create_revision.value) +
            ", modified " + std::to_string(entry.mod_revision.value) + ", lease " +
            std::to_string(entry.lease.value) + ")\n";
  for (const auto& [id, lease] : leases_)
    text += "lease " + std::to_string(id.value) + " of " + std::to_string(lease.ttl.count()) +
            " ms until " + std::to_string(lease.expires_at.nanoseconds()) + "\n";
  return text;
}

}  // namespace pgherd
