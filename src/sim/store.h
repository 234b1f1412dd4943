// Store: the etcd of the world: a MemoryStore whose time is true time, that can be away. While it
// has no quorum its leases do not run out, and they begin anew when it is back (as etcd's do).
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "dcs/memory/memory_store.h"
#include "sim/sim_context.h"

namespace pgherd::sim {

class Store {
 public:
  explicit Store(SimContext& sim) : sim_(sim) {}
  Store(const Store&) = delete;
  Store& operator=(const Store&) = delete;

  [[nodiscard]] bool is_up() const { return is_up_; }
  [[nodiscard]] Instant changed_at() const { return changed_at_; }  // up or down
  void go_down();
  void come_back();
  // A new etcd leader: a moment's silence, then every lease counts from its beginning.
  void change_leader(Duration silence);

  // Reads are answered, writes and renewals are not (no space left).
  [[nodiscard]] bool is_read_only() const { return is_read_only_; }
  void refuse_writes();
  void allow_writes();
  // What was before now is forgotten: whoever watches from there must read afresh.
  void compact() { memory().compact(memory().revision()); }

  // The store as of now. Precondition of writing to it: is_up().
  [[nodiscard]] MemoryStore& memory();
  // Leases that ended are gone; the next end is awaited. Call after anything that touched leases.
  void keep_time();
  // The value of a key by the store's own truth, "" when it is absent.
  [[nodiscard]] std::string value(const std::string& key);
  [[nodiscard]] bool has_lease(LeaseId lease) const { return memory_.leases().contains(lease); }
  // Of all leases with keys, how long ago the oldest renewal was.
  [[nodiscard]] Duration longest_unrenewed();
  // Who makes the request that is being handled; nobody: an operator. For the referee.
  std::optional<Place> writer;
  bool is_operators_turn = false;  // what is being written comes from remove() or put()
  // What an operator's tool writes: no lease, no compare. Lost when the store is away.
  void put(const std::string& key, const std::string& value);
  void remove(const std::string& key);

 private:
  void hold_leases();

  SimContext& sim_;
  MemoryStore memory_;
  bool is_up_ = true;
  bool is_read_only_ = false;
  Instant changed_at_;
  std::uint64_t outage_ = 0;
  EventQueue::Ticket expiry_;
  Instant expiry_at_ = Instant::never();
};

}  // namespace pgherd::sim
