#include "sim/sim_peers.h"

#include <utility>

namespace pgherd::sim {
namespace {

// One round of questions; every target is told of exactly once.
struct Round {
  std::map<NodeName, EventQueue::Ticket> waiting;
  Instant asked_at;
  std::function<void(NodeName, PeerView)> each;
  std::function<void()> all;

  void answer(const NodeName& name, PeerView view, Instant local_now) {
    if (waiting.erase(name) == 0) return;
    view.asked_at = asked_at;
    view.answered_at = local_now;
    each(name, std::move(view));
    if (waiting.empty()) all();
  }
};

PeerView silent() {
  PeerView view;
  view.problem = "no answer in time";
  return view;
}

}  // namespace

void SimPeers::probe(const std::map<NodeName, std::string>& targets, Milliseconds timeout,
                     std::function<void(NodeName, PeerView)> each, std::function<void()> all) {
  auto round = std::make_shared<Round>();
  round->asked_at = time_.local(sim_.queue.now());
  round->each = std::move(each);
  round->all = std::move(all);
  if (targets.empty()) {
    sim_.queue.in(Duration(1), [mailbox = mailbox_, round] { mailbox->deliver(round->all); });
    return;
  }
  const auto timeout_at = time_.true_time(round->asked_at + timeout);
  const auto reply = [mailbox = mailbox_, round, &queue = sim_.queue, &time = time_](
                         const NodeName& name, const PeerView& view) {
    mailbox->deliver([round, name, view, &queue, &time] {
      const auto found = round->waiting.find(name);
      if (found != round->waiting.end()) queue.cancel(found->second);
      round->answer(name, view, time.local(queue.now()));
    });
  };
  for (const auto& [name, url] : targets) {
    round->waiting[name] = sim_.queue.at(timeout_at, [reply, who = name] { reply(who, silent()); });
  }
  for (const auto& [name, url] : targets) {
    const auto there = find_(name);
    if (!there) continue;
    sim_.network.send(place_, *there,
                      [&sim = sim_, ask = ask_, reply, who = name, here = place_, at = *there] {
                        const auto said = ask(at);
                        if (!said) return;
                        sim.network.send(at, here, [reply, who, said] { reply(who, *said); });
                      });
  }
}

void SimPeers::ask_failsafe(const FailsafePing& ping,
                            const std::map<NodeName, std::string>& targets, Milliseconds timeout,
                            std::function<void(FailsafeRound)> done) {
  struct Open {
    FailsafeRound round;
    std::size_t waiting = 0;
    bool is_over = false;
  };
  auto open = std::make_shared<Open>();
  open->round.asked_at = time_.local(sim_.queue.now());
  open->waiting = targets.size();
  const auto end = [this, open, mailbox = mailbox_, done = std::move(done)](
                       bool is_accepted, const std::string& problem) {
    mailbox->deliver([this, open, done, is_accepted, problem] {
      if (open->is_over) return;
      if (is_accepted && open->waiting > 0) --open->waiting;
      if (is_accepted && open->waiting > 0) return;
      open->is_over = true;
      open->round.ended_at = time_.local(sim_.queue.now());
      open->round.is_accepted = is_accepted;
      open->round.problem = problem;
      done(open->round);
    });
  };
  if (targets.empty()) {
    sim_.queue.in(Duration(1), [end] { end(true, ""); });
    return;
  }
  sim_.queue.at(time_.true_time(open->round.asked_at + timeout), [open, end] {
    if (!open->is_over) end(false, "not all have answered in time");
  });
  for (const auto& [name, url] : targets) {
    const auto there = find_(name);
    if (!there) continue;
    sim_.network.send(
        place_, *there,
        [&sim = sim_, ask = ask_failsafe_, end, ping, who = name, here = place_, at = *there] {
          const auto said = ask(at, ping);
          if (!said) return;
          sim.network.send(at, here, [end, who, is_accepted = *said] {
            end(is_accepted, is_accepted ? "" : "'" + who + "' refuses");
          });
        });
  }
}

}  // namespace pgherd::sim
