// Endpoints: the etcd members that can be asked, and which of them first. Configured ones stay
// until others are configured; discovered ones come and go with the member list. There may be none
// while SRV records are looked up.
//
// Threads: the owner's loop.
#pragma once

#include <grpcpp/channel.h>
#include <grpcpp/security/credentials.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/instant.h"
#include "dcs/etcd/channel.h"
#include "etcd.grpc.pb.h"
#include "model/agent_config.h"

namespace pgherd::etcd {

struct Endpoint {
  Endpoint(std::string its_name, bool configured,
           const std::shared_ptr<grpc::ChannelCredentials>& credentials);

  const std::string name;  // "host:port"
  const bool is_configured;
  const std::shared_ptr<grpc::Channel> channel;
  const std::unique_ptr<etcdserverpb::KV::Stub> kv;
  const std::unique_ptr<etcdserverpb::Lease::Stub> lease;
  const std::unique_ptr<etcdserverpb::Watch::Stub> watch;
  const std::unique_ptr<etcdserverpb::Cluster::Stub> cluster;
  const std::unique_ptr<etcdserverpb::Auth::Stub> auth;
  std::uint64_t member_id = 0;  // 0: it has not answered yet
  Instant suspect_until;        // it failed or was slow a moment ago
  Instant opened_at;            // by reopen
};

// One line of etcd's member list.
struct ListedMember {
  std::uint64_t id = 0;
  std::vector<std::string> client_urls;
};

class Endpoints {
 public:
  // Throws std::runtime_error when there is no endpoint nor a domain whose SRV records name some,
  // or when a certificate cannot be read.
  explicit Endpoints(EtcdConfig config);

  // From now on these are the configured ones. Connections to those that stay are kept, unless TLS
  // is begun or ended. Throws as the constructor does, and changes nothing then.
  void configure(const std::vector<std::string>& names, bool use_tls);

  // Certificates and key are read again. If they are others, each endpoint gets a connection by
  // them, and goes over to it once that stands (`settle`): what the store refuses must not take the
  // connections that work from a leader. Throws as the constructor does, and changes nothing then.
  void renew_certificates(const EtcdConfig& config);
  // True once no endpoint goes by former certificates any more.
  bool settle();

  // Best first: not suspect before suspect, connected before connecting before failing, and among
  // equals the preferred one and then the order of the configuration.
  [[nodiscard]] std::vector<std::shared_ptr<Endpoint>> ranked(Instant now) const;
  [[nodiscard]] const std::vector<std::shared_ptr<Endpoint>>& all() const { return all_; }
  [[nodiscard]] bool are_all_suspect(Instant now) const;

  // It failed, or let us wait: others first for a while.
  void suspect(Endpoint& endpoint, Instant now);
  // It is silent, and there is nobody else to ask: from now on by a connection of its own, for
  // behind a proxy that may lead to another member. What is under way on the old one goes on.
  // False: that was done a moment ago.
  bool reopen(const std::shared_ptr<Endpoint>& silent, Instant now);
  // It answered when others did not; it is asked first from now on. True if that is a change.
  bool prefer(const std::shared_ptr<Endpoint>& endpoint);
  // It answered.
  static void trust(Endpoint& endpoint) { endpoint.suspect_until = {}; }

  // Adds members that no endpoint leads to, and drops discovered endpoints of members that left.
  // URLs of the other scheme are passed over, and so are loopback ones, unless the configuration is
  // loopback as well: etcd advertises http://localhost:2379 by default, which here would be
  // somebody else.
  void learn(const std::vector<ListedMember>& members);

 private:
  [[nodiscard]] static bool leads_nowhere(const Endpoint& endpoint,
                                          const std::vector<ListedMember>& members);
  [[nodiscard]] bool has_configured_way_to(std::uint64_t member_id) const;
  [[nodiscard]] bool has_name(const std::string& name) const;
  void add(const ListedMember& member);
  void mend_preference();

  // One that goes by former certificates, and what takes its place.
  struct Renewal {
    std::shared_ptr<Endpoint> former;
    std::shared_ptr<Endpoint> fresh;
  };
  [[nodiscard]] bool is_over(const Renewal& renewal);

  EtcdConfig config_;
  TlsText tls_;
  std::shared_ptr<grpc::ChannelCredentials> credentials_;
  bool is_loopback_ = false;
  std::vector<std::shared_ptr<Endpoint>> all_;
  std::shared_ptr<Endpoint> preferred_;
  std::vector<Renewal> renewals_;
};

// "host:port" of a client URL; nullopt if its scheme is another or it is no TCP address.
[[nodiscard]] std::optional<std::string> endpoint_of_url(const std::string& url, bool use_tls);
[[nodiscard]] bool is_loopback(const std::string& endpoint);

}  // namespace pgherd::etcd
