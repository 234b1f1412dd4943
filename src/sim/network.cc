#include "sim/network.h"

#include <algorithm>
#include <utility>

namespace pgherd::sim {

Network::Network(EventQueue& queue, Dice& dice, int nodes)
    : queue_(queue),
      dice_(dice),
      nodes_(nodes),
      links_(static_cast<std::size_t>((nodes + 2) * (nodes + 2))),
      isolated_(static_cast<std::size_t>(nodes + 2)) {}

void Network::cut_both(Place a, Place b) {
  cut(a, b);
  cut(b, a);
}

void Network::heal_both(Place a, Place b) {
  heal(a, b);
  heal(b, a);
}

void Network::heal_all() {
  links_.assign(links_.size(), Link{});
  cuts_ = static_cast<int>(std::count(isolated_.begin(), isolated_.end(), true));
  changed_at_ = queue_.now();
  loss_percent_ = 0;
}

void Network::set_isolated(Place place, bool is_isolated) {
  const auto at = static_cast<std::size_t>(place);
  if (isolated_[at] == is_isolated) return;
  isolated_[at] = is_isolated;
  cuts_ += is_isolated ? 1 : -1;
  changed_at_ = queue_.now();
}

bool Network::is_cut(Place from, Place to) const {
  return from != to &&
         (links_[index_of_link(from, to)].is_cut || isolated_[static_cast<std::size_t>(from)] ||
          isolated_[static_cast<std::size_t>(to)]);
}

bool Network::loses(Place from, Place to) {
  if (from == to) return false;
  return is_cut(from, to) || (loss_percent_ > 0 && dice_.chance(loss_percent_));
}

Duration Network::delay() {
  return dice_.between(delay_low_, delay_high_);
}

void Network::send(Place from, Place to, EventQueue::Call deliver) {
  if (loses(from, to)) return;
  queue_.in(delay(), [this, from, to, deliver = std::move(deliver)]() mutable {
    if (!is_cut(from, to)) deliver();
  });
}

bool Network::send_in_order(Place from, Place to, Instant& last_arrival, EventQueue::Call deliver) {
  if (loses(from, to)) return false;
  last_arrival = std::max(last_arrival + Duration(1), queue_.now() + delay());
  queue_.at(last_arrival, std::move(deliver));
  return true;
}

}  // namespace pgherd::sim
