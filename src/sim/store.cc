#include "sim/store.h"

#include <algorithm>
#include <utility>

namespace pgherd::sim {

MemoryStore& Store::memory() {
  if (sim_.queue.now() > memory_.now()) memory_.advance(sim_.queue.now());
  return memory_;
}

void Store::keep_time() {
  const auto next = memory().next_expiry();
  if (next == expiry_at_) return;
  if (!expiry_at_.is_never()) sim_.queue.cancel(expiry_);
  expiry_at_ = next;
  if (next.is_never()) return;
  expiry_ = sim_.queue.at(next, [this] {
    expiry_at_ = Instant::never();
    keep_time();
  });
}

std::string Store::value(const std::string& key) {
  const auto found = memory().get(key);
  return found ? found->value : std::string();
}

Duration Store::longest_unrenewed() {
  Duration longest{};
  for (const auto& [id, lease] : memory().leases()) {
    if (lease.keys.empty()) continue;
    longest = std::max<Duration>(longest, sim_.queue.now() - (lease.expires_at - lease.ttl));
  }
  return longest;
}

void Store::put(const std::string& key, const std::string& value) {
  if (!is_up_ || is_read_only_) return;
  Transaction transaction;
  transaction.writes.push_back(Put{.key = key, .value = value, .lease = {}});
  (void)memory().commit(transaction);
}

void Store::remove(const std::string& key) {
  if (!is_up_ || is_read_only_) return;
  Transaction transaction;
  transaction.writes.push_back(Delete{.key = key});
  (void)memory();  // what ended by itself before now was not deleted by hand
  is_operators_turn = true;
  (void)memory_.commit(transaction);
  is_operators_turn = false;
}

// Leases end all the same: the store has its quorum.
void Store::refuse_writes() {
  is_read_only_ = true;
  changed_at_ = sim_.queue.now();
}

void Store::allow_writes() {
  if (!is_read_only_) return;
  is_read_only_ = false;
  changed_at_ = sim_.queue.now();
}

void Store::go_down() {
  if (!is_up_) return;
  is_up_ = false;
  changed_at_ = sim_.queue.now();
  ++outage_;
  hold_leases();
}

// No lease is shorter than two seconds, so none ends between two calls of this.
void Store::hold_leases() {
  memory().restart_leases();
  keep_time();
  sim_.queue.in(500ms, [this, outage = outage_] {
    if (!is_up_ && outage == outage_) hold_leases();
  });
}

void Store::come_back() {
  if (is_up_) return;
  is_up_ = true;
  changed_at_ = sim_.queue.now();
  memory().restart_leases();
  keep_time();
}

void Store::change_leader(Duration silence) {
  if (!is_up_) return;
  go_down();
  sim_.queue.in(silence, [this, outage = outage_] {
    if (outage == outage_) come_back();
  });
}

}  // namespace pgherd::sim
