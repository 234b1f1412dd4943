// How a connection to one etcd endpoint is made: credentials, timeouts, pings. No state.
#pragma once

#include <memory>
#include <string>

#include "model/agent_config.h"

namespace grpc {
class Channel;
class ChannelCredentials;
}  // namespace grpc

namespace pgherd::etcd {

// What stands in the files that a configuration names; empty without TLS.
struct TlsText {
  bool is_used = false;
  std::string authorities;
  std::string certificates;
  std::string key;
  bool operator==(const TlsText&) const = default;
};
// Throws std::runtime_error, naming file and setting, when a certificate or key cannot be read.
[[nodiscard]] TlsText read_tls(const EtcdConfig& config);
[[nodiscard]] std::shared_ptr<grpc::ChannelCredentials> make_credentials(const TlsText& tls);

// `endpoint`: "host:port". Begins to connect; nothing waits for it.
[[nodiscard]] std::shared_ptr<grpc::Channel> make_channel(
    const std::string& endpoint, const std::shared_ptr<grpc::ChannelCredentials>& credentials);

}  // namespace pgherd::etcd
