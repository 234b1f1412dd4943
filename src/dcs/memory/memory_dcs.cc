#include "dcs/memory/memory_dcs.h"

#include <set>
#include <utility>

namespace pgherd {

// Shared with the watches, which may outlive the client; nobody is called back after the client's
// end.
struct MemoryDcs::Inside : std::enable_shared_from_this<Inside> {
  Inside(MemoryStore& its_store, Clock& its_clock) : store(its_store), clock(its_clock) {}

  // The store's time follows the clock; another client may have been there first.
  void catch_up() {
    if (clock.now() > store.now()) store.advance(clock.now());
    watch_expiry();
  }

  void watch_expiry() {
    const auto next = store.next_expiry();
    if (next.is_never() || (expiry && next >= expiry_at)) return;
    expiry_at = next;
    expiry = clock.at(next, [this] {
      const auto self = shared_from_this();
      expiry_at = Instant::never();
      catch_up();
    });
  }

  // One queue for everything, so that answers and events come in the order in which they arose.
  void deliver(std::function<void()> call) {
    queue.push_back(std::move(call));
    if (queue.size() == 1) alarm = clock.at(clock.now(), [this] { drain(); });
  }

  void drain() {
    const auto self = shared_from_this();
    auto due = std::exchange(queue, {});
    for (auto& call : due) {
      if (is_closed) return;
      call();
    }
  }

  template <typename T>
  void answer(DcsAnswer<T> to, Result<T, DcsError> with) {
    watch_expiry();
    deliver([to = std::move(to), with = std::move(with)]() mutable { to(std::move(with)); });
  }

  void unwatch(MemoryStore::WatcherId id) {
    if (watchers.erase(id) > 0) store.unwatch(id);
  }

  void close() {
    is_closed = true;
    for (const auto id : watchers)
      store.unwatch(id);
    watchers.clear();
    queue.clear();
    alarm.reset();
    expiry.reset();
  }

  MemoryStore& store;
  Clock& clock;
  std::set<MemoryStore::WatcherId> watchers;
  bool is_closed = false;
  std::deque<std::function<void()>> queue;
  std::unique_ptr<Alarm> alarm;
  std::unique_ptr<Alarm> expiry;
  Instant expiry_at = Instant::never();
};

class MemoryDcs::Watching final : public Watch {
 public:
  // Owned by this object and by the calls under way; `is_over` when the owner has let go of it.
  struct State {
    WatchHandler handler;
    bool is_over = false;
    MemoryStore::WatcherId id = 0;
    std::unique_ptr<Alarm> alarm;
  };

  Watching(std::weak_ptr<Inside> inside, std::shared_ptr<State> state)
      : inside_(std::move(inside)), state_(std::move(state)) {}
  ~Watching() override {
    state_->is_over = true;
    state_->alarm.reset();
    if (const auto inside = inside_.lock(); inside && !inside->is_closed)
      inside->unwatch(state_->id);
  }
  Watching(const Watching&) = delete;
  Watching& operator=(const Watching&) = delete;

  static void tell(Inside& inside, const std::shared_ptr<State>& state,
                   Result<WatchBatch, DcsError> what) {
    inside.deliver([state, what = std::move(what)]() mutable {
      if (!state->is_over) state->handler(std::move(what));
    });
  }

  static void live(const std::weak_ptr<Inside>& weak, const std::shared_ptr<State>& state,
                   Milliseconds sign_of_life) {
    const auto inside = weak.lock();
    if (!inside || inside->is_closed || state->is_over) return;
    std::weak_ptr<State> weak_state = state;
    state->alarm =
        inside->clock.at(inside->clock.now() + sign_of_life, [weak, weak_state, sign_of_life] {
          const auto its_inside = weak.lock();
          const auto its_state = weak_state.lock();
          if (!its_inside || its_inside->is_closed || !its_state || its_state->is_over) return;
          its_inside->catch_up();
          WatchBatch progress{.events = {}, .revision = its_inside->store.revision()};
          tell(*its_inside, its_state, std::move(progress));
          live(weak, its_state, sign_of_life);
        });
  }

 private:
  std::weak_ptr<Inside> inside_;
  std::shared_ptr<State> state_;
};

MemoryDcs::MemoryDcs(MemoryStore& store, Clock& clock)
    : inside_(std::make_shared<Inside>(store, clock)) {}

MemoryDcs::~MemoryDcs() {
  inside_->close();
}

void MemoryDcs::read(const std::string& prefix, ReadMode /*mode*/, Instant /*deadline*/,
                     DcsAnswer<Snapshot> answer) {
  inside_->catch_up();
  inside_->answer<Snapshot>(std::move(answer), inside_->store.read(prefix));
}

void MemoryDcs::commit(Transaction transaction, Instant /*deadline*/, DcsAnswer<Committed> answer) {
  inside_->catch_up();
  inside_->answer<Committed>(std::move(answer), inside_->store.commit(transaction));
}

void MemoryDcs::grant(Milliseconds ttl, Instant /*deadline*/, DcsAnswer<Lease> answer) {
  inside_->catch_up();
  inside_->answer<Lease>(std::move(answer), inside_->store.grant(ttl));
}

void MemoryDcs::keep_alive(LeaseId lease, Instant /*deadline*/, DcsAnswer<Lease> answer) {
  inside_->catch_up();
  inside_->answer<Lease>(std::move(answer), inside_->store.keep_alive(lease));
}

void MemoryDcs::revoke(LeaseId lease, Instant /*deadline*/, DcsAnswer<Committed> answer) {
  inside_->catch_up();
  inside_->answer<Committed>(std::move(answer), inside_->store.revoke(lease));
}

std::unique_ptr<Watch> MemoryDcs::watch(const std::string& prefix, Revision from,
                                        Milliseconds sign_of_life, WatchHandler handler) {
  inside_->catch_up();
  auto state = std::make_shared<Watching::State>();
  state->handler = std::move(handler);
  std::weak_ptr<Inside> weak = inside_;
  auto begun = inside_->store.watch(prefix, from, [weak, state](const WatchBatch& batch) {
    const auto inside = weak.lock();
    if (inside && !inside->is_closed) Watching::tell(*inside, state, batch);
  });
  if (begun) {
    state->id = *begun;
    inside_->watchers.insert(*begun);
    Watching::live(weak, state, sign_of_life);
  } else {
    Watching::tell(*inside_, state, fail(begun.error()));
  }
  return std::make_unique<Watching>(weak, state);
}

}  // namespace pgherd
