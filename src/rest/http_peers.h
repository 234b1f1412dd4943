// HttpPeers: asks other members for their state over HTTP (Patroni ha.py fetch_node_status).
// Members answer an election by it, so a peer that hangs, lies or sends too much costs its timeout
// and nothing else.
#pragma once

#include <memory>
#include <optional>

#include "base/clock.h"
#include "model/agent_config.h"
#include "peers/peers.h"
#include "rest/client.h"

namespace pgherd {

// Whom a question was meant for.
struct AskedMember {
  std::string scope;
  NodeName name;
};

// What an answer says; anything but a status document with positions is "not reachable", with the
// reason in `problem`, and so is a document of another member: its address has changed hands, and
// one member would have two votes. Leaves asked_at and answered_at alone. Pure.
[[nodiscard]] PeerView peer_view_of(const HttpAnswer& answer, const AskedMember& asked);

class HttpPeers final : public Peers {
 public:
  // `scope`: the cluster's. `authentication` goes to every member. Members never verify each
  // other's names: `security` is taken as insecure. Throws as HttpClient. `clock` outlives this.
  // After destruction no callback comes any more.
  HttpPeers(boost::asio::any_io_executor loop, Clock& clock, std::string scope,
            ClientSecurity security, std::optional<Credentials> authentication);
  ~HttpPeers() override;

  // For what is asked from now on. Throws as HttpClient, and then nothing has changed.
  void reconfigure(ClientSecurity security, std::optional<Credentials> authentication);

  void probe(const std::map<NodeName, std::string>& targets, Milliseconds timeout,
             std::function<void(NodeName, PeerView)> each, std::function<void()> all) override;
  void ask_failsafe(const FailsafePing& ping, const std::map<NodeName, std::string>& targets,
                    Milliseconds timeout, std::function<void(FailsafeRound)> done) override;

 private:
  struct Round;
  struct FailsafeAsking;
  boost::asio::any_io_executor loop_;
  Clock& clock_;
  std::string scope_;
  HttpClient client_;
  std::optional<Credentials> authentication_;
  std::shared_ptr<char> alive_;  // answers hold it weakly
};

}  // namespace pgherd
