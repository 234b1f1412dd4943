// Network: delay, loss and partition between places (nodes, the store, the clients). A message
// either arrives after a drawn delay or never; nobody is told that it was lost. Directions are cut
// one by one.
#pragma once

#include <functional>
#include <vector>

#include "base/dice.h"
#include "sim/event_queue.h"

namespace pgherd::sim {

using Place = int;  // 0..n-1 are the nodes; then the store, then the clients

class Network {
 public:
  Network(EventQueue& queue, Dice& dice, int nodes);

  [[nodiscard]] int nodes() const { return nodes_; }
  [[nodiscard]] Place store() const { return nodes_; }
  [[nodiscard]] Place clients() const { return nodes_ + 1; }

  void cut(Place from, Place to) { set(from, to, true); }
  void heal(Place from, Place to) { set(from, to, false); }
  void cut_both(Place a, Place b);
  void heal_both(Place a, Place b);
  void heal_all();
  // A place that nobody reaches and that reaches nobody, whatever the single links are.
  void isolate(Place place) { set_isolated(place, true); }
  void rejoin(Place place) { set_isolated(place, false); }
  [[nodiscard]] bool is_cut(Place from, Place to) const;
  [[nodiscard]] bool is_open_both(Place a, Place b) const { return !is_cut(a, b) && !is_cut(b, a); }

  void set_loss(int percent) {
    changed_at_ = queue_.now();
    loss_percent_ = percent;
  }
  void set_delay(Duration low, Duration high) {
    changed_at_ = queue_.now();
    delay_low_ = low;
    delay_high_ = high;
  }
  // Every message arrives within moments.
  [[nodiscard]] Instant changed_at() const { return changed_at_; }
  [[nodiscard]] bool is_quiet() const {
    return cuts_ == 0 && loss_percent_ == 0 && delay_high_ <= 5ms;
  }

  // A single message; it may overtake others.
  void send(Place from, Place to, EventQueue::Call deliver);
  // A message of an ordered connection whose last one arrives at `last_arrival` (updated). False:
  // it is lost, and with it the connection, though neither side knows yet.
  [[nodiscard]] bool send_in_order(Place from, Place to, Instant& last_arrival,
                                   EventQueue::Call deliver);

 private:
  struct Link {
    bool is_cut = false;
  };
  void set(Place from, Place to, bool is_cut) {
    if (link(from, to).is_cut != is_cut) changed_at_ = queue_.now();
    cuts_ += static_cast<int>(is_cut) - static_cast<int>(link(from, to).is_cut);
    link(from, to).is_cut = is_cut;
  }
  void set_isolated(Place place, bool is_isolated);
  [[nodiscard]] std::size_t index_of_link(Place from, Place to) const {
    const int at = from * (nodes_ + 2) + to;
    return static_cast<std::size_t>(at);
  }
  [[nodiscard]] Link& link(Place from, Place to) { return links_[index_of_link(from, to)]; }
  [[nodiscard]] bool loses(Place from, Place to);
  [[nodiscard]] Duration delay();

  EventQueue& queue_;
  Dice& dice_;
  int nodes_;
  std::vector<Link> links_;
  Instant changed_at_;
  std::vector<bool> isolated_;
  int cuts_ = 0;  // links that are cut now
  int loss_percent_ = 0;
  Duration delay_low_ = std::chrono::microseconds(200);
  Duration delay_high_ = 3ms;
};

}  // namespace pgherd::sim
