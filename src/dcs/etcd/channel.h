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

// Throws std::runtime_error, naming file and setting, when a certificate or key cannot be read.
[[nodiscard]] std::shared_ptr<grpc::ChannelCredentials> make_credentials(const EtcdConfig& config);

// `endpoint`: "host:port". Begins to connect; nothing waits for it.
[[nodiscard]] std::shared_ptr<grpc::Channel> make_channel(
    const std::string& endpoint, const std::shared_ptr<grpc::ChannelCredentials>& credentials);

}  // namespace pgherd::etcd
