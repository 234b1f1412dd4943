// SimPeers: the agent's door to the other members' REST APIs: an answer is made of the picture that
// the other agent has of its PostgreSQL, if that agent lives, is not frozen and both ways are open.
#pragma once

#include <functional>
#include <memory>
#include <optional>

#include "peers/peers.h"
#include "sim/local_time.h"
#include "sim/mailbox.h"
#include "sim/sim_context.h"

namespace pgherd::sim {

class SimPeers final : public Peers {
 public:
  // What the REST API of the node at a place says now; nothing if nobody is there to say it.
  using Ask = std::function<std::optional<PeerView>(Place)>;
  // Whether the node at a place accepts a primary without the store; nothing: nobody answers.
  using AskFailsafe = std::function<std::optional<bool>(Place, const FailsafePing&)>;
  using Find = std::function<std::optional<Place>(const NodeName&)>;

  SimPeers(SimContext& sim, Place place, const LocalTime& time, std::shared_ptr<Mailbox> mailbox,
           Find find, Ask ask, AskFailsafe ask_failsafe)
      : sim_(sim),
        place_(place),
        time_(time),
        mailbox_(std::move(mailbox)),
        find_(std::move(find)),
        ask_(std::move(ask)),
        ask_failsafe_(std::move(ask_failsafe)) {}

  void probe(const std::map<NodeName, std::string>& targets, Milliseconds timeout,
             std::function<void(NodeName, PeerView)> each, std::function<void()> all) override;
  void ask_failsafe(const FailsafePing& ping, const std::map<NodeName, std::string>& targets,
                    Milliseconds timeout, std::function<void(FailsafeRound)> done) override;

 private:
  SimContext& sim_;
  Place place_;
  const LocalTime& time_;
  std::shared_ptr<Mailbox> mailbox_;
  Find find_;
  Ask ask_;
  AskFailsafe ask_failsafe_;
};

}  // namespace pgherd::sim
