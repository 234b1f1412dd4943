#include "sim/sim_dcs.h"

#include <utility>

namespace pgherd::sim {
namespace {

DcsError unavailable(std::string text) {
  return DcsError{.kind = DcsErrorKind::Unavailable, .text = std::move(text)};
}

}  // namespace

SimDcs::SimDcs(SimContext& sim, Store& store, Place place, const LocalTime& time,
               std::shared_ptr<Mailbox> mailbox)
    : sim_(sim), store_(store), place_(place), time_(time), mailbox_(std::move(mailbox)) {}

// ---- Requests

template <typename T>
void SimDcs::request(bool is_write, Instant deadline, DcsAnswer<T> answer, Handle<T> handle) {
  struct Pending {
    std::shared_ptr<Mailbox> mailbox;
    EventQueue& queue;
    Handle<T> handle;
    DcsAnswer<T> answer;
    EventQueue::Ticket timeout;
    Result<T, DcsError> result = fail(DcsError{});

    // Into the agent's mailbox; the first answer is the only one.
    static void reply(const std::shared_ptr<Pending>& self, Result<T, DcsError> what) {
      self->mailbox->deliver([self, what = std::move(what)]() mutable {
        if (!self->answer) return;
        self->queue.cancel(self->timeout);
        std::exchange(self->answer, nullptr)(std::move(what));
      });
    }
  };
  auto pending = std::make_shared<Pending>(
      Pending{mailbox_, sim_.queue, std::move(handle), std::move(answer), {}});
  pending->timeout = sim_.queue.at(time_.true_time(deadline), [pending] {
    Pending::reply(pending, fail(unavailable("the store did not answer in time")));
  });
  sim_.network.send(
      place_, sim_.network.store(),
      [&sim = sim_, &store = store_, place = place_, pending, is_write] {
        if (!store.is_up() && sim.dice.chance(50)) return;
        if (store.is_up() && is_write && store.is_read_only()) {
          pending->result = fail(unavailable("etcdserver: mvcc: database space exceeded"));
        } else if (store.is_up()) {
          store.writer = place;
          pending->result = pending->handle(store.memory());
          store.writer.reset();
          store.keep_time();
        } else {
          pending->result = fail(unavailable("etcdserver: no leader"));
        }
        sim.network.send(sim.network.store(), place,
                         [pending] { Pending::reply(pending, std::move(pending->result)); });
      });
}

void SimDcs::read(const std::string& prefix, ReadMode /*mode*/, Instant deadline,
                  DcsAnswer<Snapshot> answer) {
  request<Snapshot>(false, deadline, std::move(answer), [prefix](MemoryStore& store) {
    return Result<Snapshot, DcsError>(store.read(prefix));
  });
}

void SimDcs::commit(Transaction transaction, Instant deadline, DcsAnswer<Committed> answer) {
  const bool is_write = !transaction.writes.empty() || !transaction.otherwise.empty();
  request<Committed>(is_write, deadline, std::move(answer),
                     [transaction = std::move(transaction)](MemoryStore& store) {
                       return store.commit(transaction);
                     });
}

void SimDcs::grant(Milliseconds ttl, Instant deadline, DcsAnswer<Lease> answer) {
  request<Lease>(true, deadline, std::move(answer),
                 [ttl](MemoryStore& store) { return store.grant(ttl); });
}

void SimDcs::keep_alive(LeaseId lease, Instant deadline, DcsAnswer<Lease> answer) {
  request<Lease>(true, deadline, std::move(answer),
                 [lease](MemoryStore& store) { return store.keep_alive(lease); });
}

void SimDcs::revoke(LeaseId lease, Instant deadline, DcsAnswer<Committed> answer) {
  request<Committed>(true, deadline, std::move(answer),
                     [lease](MemoryStore& store) { return store.revoke(lease); });
}

// ---- Watching

// One watch, held by its owner's handle and by the calls under way.
struct SimDcs::Stream : std::enable_shared_from_this<SimDcs::Stream> {
  Stream(SimContext& its_ground, Store& its_store, Place its_place, const LocalTime& its_time,
         std::shared_ptr<Mailbox> its_mailbox)
      : sim(its_ground),
        store(its_store),
        place(its_place),
        time(its_time),
        mailbox(std::move(its_mailbox)) {}

  void open(const std::string& prefix, Revision from) {
    if (is_over || !store.is_up()) return;
    auto begun =
        store.memory().watch(prefix, from, [self = weak_from_this()](const WatchBatch& batch) {
          if (const auto stream = self.lock()) stream->send(batch);
        });
    if (!begun) {
      send(fail(begun.error()));
      return;
    }
    watcher = *begun;
    live();
  }

  void live() {
    sim.queue.in(sign_of_life, [self = weak_from_this()] {
      const auto stream = self.lock();
      if (!stream || stream->is_over || stream->watcher == 0) return;
      if (stream->store.is_up()) stream->give_sign_of_life();
      stream->live();
    });
  }

  // On a quiet network nothing is gained by letting it travel.
  void give_sign_of_life() {
    const WatchBatch sign{.events = {}, .revision = store.memory().revision()};
    if (!is_broken && sim.network.is_quiet() && last_arrival <= sim.queue.now()) {
      arrive(sign);
    } else {
      send(sign);
    }
  }

  // From the store; the connection is dead as soon as something in it is lost.
  void send(Result<WatchBatch, DcsError> what) {
    if (is_broken) return;
    is_broken = !sim.network.send_in_order(sim.network.store(), place, last_arrival,
                                           [self = weak_from_this(), what = std::move(what)] {
                                             if (const auto stream = self.lock())
                                               stream->arrive(what);
                                           });
  }

  void arrive(Result<WatchBatch, DcsError> what) {
    mailbox->deliver([self = weak_from_this(), what = std::move(what)] {
      const auto stream = self.lock();
      if (!stream || stream->is_over) return;
      if (!what) {
        stream->end();
      } else {
        stream->expect_life();
      }
      const auto keep = stream->shared_from_this();  // the handler may put its watch away
      stream->handler(what);
    });
  }

  // Silence for three signs of life, by the agent's clock, ends the watch.
  void expect_life() {
    silent_at = time.true_time(time.local(sim.queue.now()) + 3 * sign_of_life);
    if (!is_listening) listen();
  }

  void listen() {
    is_listening = true;
    silence = sim.queue.at(silent_at, [self = weak_from_this()] {
      const auto stream = self.lock();
      if (!stream) return;
      stream->is_listening = false;
      if (stream->sim.queue.now() < stream->silent_at) return stream->listen();
      stream->arrive(fail(unavailable("the watch has been silent for too long")));
    });
  }

  void end() {
    is_over = true;
    sim.queue.cancel(silence);
    if (watcher != 0) store.memory().unwatch(watcher);
    watcher = 0;
  }

  SimContext& sim;
  Store& store;
  Place place;
  const LocalTime& time;
  std::shared_ptr<Mailbox> mailbox;
  WatchHandler handler;
  Milliseconds sign_of_life{};
  bool is_over = false;
  bool is_broken = false;
  MemoryStore::WatcherId watcher = 0;
  Instant last_arrival;
  Instant silent_at;
  bool is_listening = false;
  EventQueue::Ticket silence;
};

class SimDcs::Watching final : public Watch {
 public:
  explicit Watching(std::shared_ptr<Stream> stream) : stream_(std::move(stream)) {}
  ~Watching() override { stream_->end(); }
  Watching(const Watching&) = delete;
  Watching& operator=(const Watching&) = delete;

 private:
  std::shared_ptr<Stream> stream_;
};

SimDcs::~SimDcs() {
  for (const auto& weak : streams_) {
    if (const auto stream = weak.lock()) stream->end();
  }
}

std::unique_ptr<Watch> SimDcs::watch(const std::string& prefix, Revision from,
                                     Milliseconds sign_of_life, WatchHandler handler) {
  auto stream = std::make_shared<Stream>(sim_, store_, place_, time_, mailbox_);
  stream->handler = std::move(handler);
  stream->sign_of_life = sign_of_life;
  stream->expect_life();
  std::erase_if(streams_, [](const auto& weak) { return weak.expired(); });
  streams_.push_back(stream);
  sim_.network.send(place_, sim_.network.store(),
                    [weak = std::weak_ptr<Stream>(stream), prefix, from] {
                      if (const auto open = weak.lock()) open->open(prefix, from);
                    });
  return std::make_unique<Watching>(std::move(stream));
}

void SimDcs::break_watches() {
  for (const auto& weak : std::vector(streams_)) {
    if (const auto stream = weak.lock()) {
      stream->arrive(fail(unavailable("the stream was reset")));
    }
  }
}

}  // namespace pgherd::sim
