#include "dcs/store_session.h"

#include <algorithm>
#include <utility>

namespace pgherd {
namespace {

constexpr Milliseconds kFirstPause{100};
constexpr Milliseconds kLongestPause{1000};
constexpr Duration kReadPatience = 2s;

}  // namespace

StoreSession::StoreSession(Clock& clock, Dcs& dcs, const Layout& layout, Listener listener)
    : clock_(clock), dcs_(dcs), layout_(layout), listener_(std::move(listener)) {}

void StoreSession::start() {
  read();
}

void StoreSession::stop() {
  alive_.reset();
  again_.reset();
}

// Linearizable: a member of the store that has been cut off must not show us a world of yesterday.
void StoreSession::read() {
  again_.reset();
  reads_since_ = clock_.now();
  std::weak_ptr<char> alive = alive_;
  dcs_.read(layout_.prefix(), ReadMode::Linearizable, clock_.now() + kReadPatience,
            [this, alive, which = ++reading_](Result<Snapshot, DcsError> answer) {
              if (alive.expired() || which != reading_) return;
              reads_since_.reset();
              if (answer) {
                take(*answer);
              } else {
                lost(answer.error());
              }
            });
}

void StoreSession::answered(Instant sent) {
  const bool is_reading_lost = reads_since_ && *reads_since_ < sent;
  const bool pauses_in_vain = again_ && !is_denied_;
  if (is_reading_lost || pauses_in_vain) read_anew();
}

void StoreSession::read_anew() {
  watch_.reset();
  read();
}

void StoreSession::take(const Snapshot& snapshot) {
  pause_ = Milliseconds(0);
  entries_.clear();
  for (const KeyValue& entry : snapshot.entries)
    entries_[entry.key] = entry;
  revision_ = snapshot.revision;
  view_ =
      layout_.view(entries_, revision_, view_ ? std::as_const(view_)->config : Shared<ConfigKey>{});
  watch();
  listener_.pictured(view_);
}

void StoreSession::watch() {
  std::weak_ptr<char> alive = alive_;
  watch_ = dcs_.watch(layout_.prefix(), Revision{revision_.value + 1}, sign_of_life_,
                      [this, alive](Result<WatchBatch, DcsError> batch) {
                        if (alive.expired()) return;
                        if (batch) {
                          take(*std::move(batch));
                        } else {
                          lost(batch.error());
                        }
                      });
}

void StoreSession::take(WatchBatch batch) {
  revision_ = std::max(revision_, batch.revision);
  if (batch.events.empty()) return listener_.alive();
  ClusterView& view = view_.edit();
  for (WatchEvent& event : batch.events) {
    const std::string key = event.entry.key;
    if (event.is_deletion) {
      entries_.erase(key);
    } else {
      entries_[key] = std::move(event.entry);
    }
    layout_.amend(view, key, entries_);
  }
  view.revision = revision_;
  listener_.pictured(view_);
}

void StoreSession::lost(const DcsError& error) {
  // Inside the watch's own handler: it is destroyed later, from the alarm.
  listener_.silent(error.text);
  if (!alive_) return;  // that ended the agent
  // What was denied is denied until an operator has acted, even if reading again would work.
  Milliseconds pause = pause_;
  if (error.kind == DcsErrorKind::Compacted) pause = Milliseconds(0);
  is_denied_ = is_denied(error.kind);
  if (is_denied_) pause = kLongestPause;
  pause_ = std::clamp(pause_ * 2, kFirstPause, kLongestPause);
  std::weak_ptr<char> alive = alive_;
  again_ = clock_.at(clock_.now() + pause, [this, alive] {
    if (!alive.expired()) read_anew();
  });
}

}  // namespace pgherd
