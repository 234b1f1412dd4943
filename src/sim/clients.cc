#include "sim/clients.h"

namespace pgherd::sim {

void Clients::start(int writers) {
  for (int i = 0; i < writers; ++i) {
    sim_.queue.in(sim_.draw(sim_.pace.write_every), [this] { write_and_again(); });
  }
}

void Clients::leader_is(const NodeName& name) {
  sim_.queue.in(sim_.draw(sim_.pace.router_lag), [this, name] {
    if (!name.empty()) believed_ = name;
  });
}

void Clients::write_and_again() {
  sim_.queue.in(sim_.draw(sim_.pace.write_every), [this] { write_and_again(); });
  const auto found = servers_.find(believed_);
  if (found == servers_.end()) return;
  ++attempts_;
  if (!waiting_since_) waiting_since_ = sim_.queue.now();
  SimServer& server = *found->second;
  const auto here = sim_.network.clients();
  sim_.network.send(here, server.place(), [this, &server, here] {
    (void)server.write([this, &server, here](const Commit& commit) {
      sim_.network.send(server.place(), here,
                        [this, commit, &server] { acknowledge(commit, server.name()); });
    });
  });
}

void Clients::acknowledge(const Commit& commit, const NodeName& by) {
  const auto now = sim_.queue.now();
  if (waiting_since_ && now - *waiting_since_ > 1s && !acknowledged_.empty()) {
    outages_.push_back(now - *waiting_since_);
    sim_.tell("clients", [&] {
      return "write again, at " + by + ", after " +
             std::to_string((now - *waiting_since_) / 100ms / 10) + "." +
             std::to_string((now - *waiting_since_) / 100ms % 10) + " s without";
    });
  }
  waiting_since_.reset();
  acknowledged_.push_back(
      {.id = commit.id, .by = by, .at = now, .is_synchronous = commit.is_synchronous});
  if (on_acknowledged) on_acknowledged(acknowledged_.back());
}

}  // namespace pgherd::sim
