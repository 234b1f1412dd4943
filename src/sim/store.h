// Store: the etcd of the world: a MemoryStore whose time is true time, that can be away. While it
// has no quorum its leases do not run out, and they begin anew when it is back (as etcd's do).
#pragma once

#include <functional>
#include <string>

#include "dcs/memory/memory_store.h"
#include "sim/ground.h"

namespace pgherd::sim {

class Store {
 public:
  explicit Store(Ground& ground) : ground_(ground) {}
  Store(const Store&) = delete;
  Store& operator=(const Store&) = delete;

  [[nodiscard]] bool is_up() const { return is_up_; }
  void go_down();
  void come_back();
  // A new etcd leader: a moment's silence, then every lease counts from its beginning.
  void change_leader(Duration silence);

  // The store as of now. Precondition of writing to it: is_up().
  [[nodiscard]] MemoryStore& memory();
  // Leases that ended are gone; the next end is awaited. Call after anything that touched leases.
  void keep_time();
  // The value of a key by the store's own truth, "" when it is absent.
  [[nodiscard]] std::string value(const std::string& key);
  // What an operator's tool writes: no lease, no compare. Lost when the store is away.
  void put(const std::string& key, const std::string& value);

 private:
  void hold_leases();

  Ground& ground_;
  MemoryStore memory_;
  bool is_up_ = true;
  std::uint64_t outage_ = 0;
  EventQueue::Ticket expiry_;
  Instant expiry_at_ = Instant::never();
};

}  // namespace pgherd::sim
