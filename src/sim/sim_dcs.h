// SimDcs: one agent's door to the store: requests and answers travel through the network, so that a
// request can be lost, or its answer after the write was applied. What is not answered by its
// deadline is Unavailable. Belongs to one life of an agent.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "dcs/dcs.h"
#include "sim/local_time.h"
#include "sim/mailbox.h"
#include "sim/sim_context.h"
#include "sim/store.h"

namespace pgherd::sim {

class SimDcs final : public Dcs {
 public:
  SimDcs(SimContext& sim, Store& store, Place place, const LocalTime& time,
         std::shared_ptr<Mailbox> mailbox);
  ~SimDcs() override;
  SimDcs(const SimDcs&) = delete;
  SimDcs& operator=(const SimDcs&) = delete;

  void read(const std::string& prefix, ReadMode mode, Instant deadline,
            DcsAnswer<Snapshot> answer) override;
  void commit(Transaction transaction, Instant deadline, DcsAnswer<Committed> answer) override;
  void grant(Milliseconds ttl, Instant deadline, DcsAnswer<Lease> answer) override;
  void keep_alive(LeaseId lease, Instant deadline, DcsAnswer<Lease> answer) override;
  void revoke(LeaseId lease, Instant deadline, DcsAnswer<Committed> answer) override;
  [[nodiscard]] std::unique_ptr<Watch> watch(const std::string& prefix, Revision from,
                                             Milliseconds sign_of_life,
                                             WatchHandler handler) override;

  // Every watch under way ends with an error, as when the node it was connected to restarts.
  void break_watches();

 private:
  class Watching;
  struct Stream;
  template <typename T>
  using Handle = std::function<Result<T, DcsError>(MemoryStore&)>;
  template <typename T>
  void request(bool is_write, Instant deadline, DcsAnswer<T> answer, Handle<T> handle);

  SimContext& sim_;
  Store& store_;
  Place place_;
  const LocalTime& time_;
  std::shared_ptr<Mailbox> mailbox_;
  std::vector<std::weak_ptr<Stream>> streams_;  // not a set: pointers have no order that repeats
};

}  // namespace pgherd::sim
