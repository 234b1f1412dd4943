// ManualClock: time that passes only when somebody waits for something. Equal instants ring in the
// order in which they were asked for.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <utility>

#include "base/clock.h"

namespace pgherd::contract {

class ManualClock final : public Clock {
 public:
  [[nodiscard]] Instant now() const override { return now_; }
  [[nodiscard]] WallTime wall_now() const override {
    return {1'785'000'000'000'000 + now_.nanoseconds() / 1000};
  }
  [[nodiscard]] std::unique_ptr<Alarm> at(Instant when, std::function<void()> then) override {
    const Key key{std::max(when, now_), next_++};
    calls_->emplace(key, std::move(then));
    return std::make_unique<Ring>(calls_, key);
  }

  // Moves on to the next alarm and rings it; false when there is none.
  [[nodiscard]] bool ring_next() {
    if (calls_->empty() || calls_->begin()->first.first.is_never()) return false;
    auto call = calls_->extract(calls_->begin());
    now_ = std::max(now_, call.key().first);
    call.mapped()();
    return true;
  }

 private:
  using Key = std::pair<Instant, std::uint64_t>;
  using Calls = std::map<Key, std::function<void()>>;

  class Ring final : public Alarm {
   public:
    Ring(std::weak_ptr<Calls> calls, Key key) : calls_(std::move(calls)), key_(key) {}
    ~Ring() override {
      if (const auto calls = calls_.lock()) calls->erase(key_);
    }
    Ring(const Ring&) = delete;
    Ring& operator=(const Ring&) = delete;

   private:
    std::weak_ptr<Calls> calls_;
    Key key_;
  };

  Instant now_ = Instant::from_nanoseconds(1'000'000'000);
  std::uint64_t next_ = 0;
  std::shared_ptr<Calls> calls_ = std::make_shared<Calls>();
};

}  // namespace pgherd::contract
