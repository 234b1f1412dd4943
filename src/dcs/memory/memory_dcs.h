// MemoryDcs: a client of a MemoryStore, as healthy as the store itself: every request succeeds in
// reaching it, at once, and the answer comes in the loop's next turn. So deadlines never matter
// here.
//
// It also drives the store's time by the clock it was given, so that leases end while nobody asks
// for anything. Several clients may share a store, provided that their clocks agree.
//
// Threads: the owner's loop, as `clock` calls on it. Store and clock must outlive it.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <string>

#include "base/clock.h"
#include "dcs/dcs.h"
#include "dcs/memory/memory_store.h"

namespace pgherd {

class MemoryDcs final : public Dcs {
 public:
  MemoryDcs(MemoryStore& store, Clock& clock);
  ~MemoryDcs() override;
  MemoryDcs(const MemoryDcs&) = delete;
  MemoryDcs& operator=(const MemoryDcs&) = delete;

  void read(const std::string& prefix, ReadMode mode, Instant deadline,
            DcsAnswer<Snapshot> answer) override;
  void commit(Transaction transaction, Instant deadline, DcsAnswer<Committed> answer) override;
  void grant(Milliseconds ttl, Instant deadline, DcsAnswer<Lease> answer) override;
  void keep_alive(LeaseId lease, Instant deadline, DcsAnswer<Lease> answer) override;
  void revoke(LeaseId lease, Instant deadline, DcsAnswer<Committed> answer) override;
  [[nodiscard]] std::unique_ptr<Watch> watch(const std::string& prefix, Revision from,
                                             Milliseconds sign_of_life,
                                             WatchHandler handler) override;

 private:
  class Watching;
  struct Inside;
  std::shared_ptr<Inside> inside_;
};

}  // namespace pgherd
