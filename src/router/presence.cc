#include "router/presence.h"

#include "codec/dcs_values.h"
#include "runtime/log.h"

namespace pgherd::router {
namespace {

// A router that is killed holds up a switchover for as long as the leader waits (5 s) at most.
constexpr Milliseconds kLease = 10s;
constexpr Duration kRenewEvery = 3s;
constexpr Duration kPatience = 2s;
constexpr Duration kLeavePatience = 500ms;
constexpr Duration kPause = 1s;
constexpr Duration kPauseOfDenied = 30s;

}  // namespace

Instant Presence::deadline() const {
  return clock_.now() + kPatience;
}

void Presence::grant() {
  lease_.reset();
  std::weak_ptr<char> alive = alive_;
  dcs_.grant(kLease, deadline(), [this, alive](Result<Dcs::Lease, DcsError> answer) {
    if (alive.expired() || is_leaving_) return;
    if (!answer) return lost(answer.error());
    lease_ = answer->id;
    write();
    next_ = clock_.at(clock_.now() + kRenewEvery, [this] { renew(); });
  });
}

void Presence::renew() {
  std::weak_ptr<char> alive = alive_;
  dcs_.keep_alive(*lease_, deadline(), [this, alive](Result<Dcs::Lease, DcsError> answer) {
    if (alive.expired() || is_leaving_) return;
    if (!answer) return lost(answer.error());
    next_ = clock_.at(clock_.now() + kRenewEvery, [this] { renew(); });
  });
}

void Presence::say_at_rest_for(Revision request) {
  at_rest_for_ = request;
  if (lease_ && !is_leaving_) write();
}

void Presence::write() {
  Transaction transaction;
  transaction.writes.emplace_back(
      Put{.key = key_, .value = encode_router(at_rest_for_), .lease = *lease_});
  std::weak_ptr<char> alive = alive_;
  dcs_.commit(std::move(transaction), deadline(),
              [this, alive](Result<Committed, DcsError> answer) {
                if (alive.expired() || is_leaving_) return;
                if (!answer) return lost(answer.error());
                is_told_ = false;
              });
}

// With a new lease everything is written again.
void Presence::lost(const DcsError& error) {
  if (!std::exchange(is_told_, true)) {
    log_warning(
        "leaders cannot be told when the sessions of this router are at rest, so they do not wait "
        "for that: "
        "writing {} fails: {}",
        key_, error.text);
  }
  next_ = clock_.at(clock_.now() + (is_denied(error.kind) ? kPauseOfDenied : kPause),
                    [this] { grant(); });
}

void Presence::leave(std::function<void()> done) {
  is_leaving_ = true;
  next_.reset();
  if (!lease_) return done();
  std::weak_ptr<char> alive = alive_;
  dcs_.revoke(*lease_, clock_.now() + kLeavePatience,
              [alive, done = std::move(done)](const Result<Committed, DcsError>& /*answer*/) {
                if (!alive.expired()) done();
              });
}

}  // namespace pgherd::router
