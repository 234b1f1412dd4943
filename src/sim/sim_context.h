// SimContext: what everything in the invented world stands on: time, dice, network, how long things
// take, and the story that is told of it all.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "base/dice.h"
#include "model/ids.h"
#include "sim/event_queue.h"
#include "sim/network.h"

namespace pgherd::sim {

struct Range {
  Duration low{};
  Duration high{};
};

// How long things take. A scenario for people makes both ends of each range the same.
struct Pace {
  Range observe{1ms, 20ms};
  Range small_act{5ms, 60ms};
  Range unanswered{5ms, 60ms};  // until a node that is not there counts as silent
  Range reload{0ms, 400ms};  // from the first process that has read the configuration to the last
  Range checkpoint{50ms, 2s};
  Range start_clean{50ms, 600ms};
  Range crash_recovery{100ms, 4s};
  Range promote{30ms, 1500ms};
  Range end_backends{1ms, 100ms};
  Range shutdown{20ms, 1500ms};
  Range immediate{5ms, 200ms};
  Range archive_at_shutdown{0ms, 300ms};
  Range bootstrap{500ms, 3s};
  Range clone{500ms, 6s};
  Range rewind{300ms, 4s};
  Range remove{10ms, 1s};
  Range reconnect{100ms, 5s};  // until a WAL receiver tries again, unless it is woken
  Range receiver_timeout{3s, 8s};
  Range automatic_checkpoint{60s, 300s};  // checkpoint_timeout
  Range router_lag{0ms, 1500ms};
  Range write_every{60ms, 400ms};
  // Chances in per cent that an act takes ten times as long, and that it fails.
  int slow_percent = 0;
  int failure_percent = 0;
};

// Lines for people. Nothing is formatted unless somebody listens.
class Story {
 public:
  using Listener = std::function<void(Instant, const NodeName&, const std::string&)>;
  void listen(Listener listener) { listener_ = std::move(listener); }
  [[nodiscard]] bool is_heard() const { return static_cast<bool>(listener_); }
  template <typename MakeText>
  void tell(Instant when, const NodeName& who, MakeText&& text) const {
    if (listener_) listener_(when, who, text());
  }

 private:
  Listener listener_;
};

struct SimContext {
  SimContext(std::uint64_t seed, int nodes) : dice(seed), network(queue, dice, nodes) {}
  SimContext(const SimContext&) = delete;
  SimContext& operator=(const SimContext&) = delete;

  [[nodiscard]] Duration draw(Range range) { return dice.between(range.low, range.high); }
  // The same, but now and then it takes ten times as long.
  [[nodiscard]] Duration draw_act(Range range) {
    const auto drawn = draw(range);
    return pace.slow_percent > 0 && dice.chance(pace.slow_percent) ? drawn * 10 : drawn;
  }
  [[nodiscard]] bool draw_failure() {
    return pace.failure_percent > 0 && dice.chance(pace.failure_percent);
  }
  template <typename MakeText>
  void tell(const NodeName& who, MakeText&& text) const {
    story.tell(queue.now(), who, std::forward<MakeText>(text));
  }

  EventQueue queue;
  Dice dice;
  Network network;
  Pace pace;
  Story story;
  std::map<std::string, std::uint64_t> rules;  // how often each rule of decide was told of
  bool checks_rest = false;                    // L6 is judged; it costs a decision for each event
  std::uint64_t next_id = 1;  // of WAL records, processes and whatever else must be unique
};

}  // namespace pgherd::sim
