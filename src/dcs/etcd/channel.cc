#include "dcs/etcd/channel.h"

#include <grpc/support/log.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/resource_quota.h>
#include <grpcpp/security/credentials.h>
#include <grpcpp/support/channel_arguments.h>

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <stdexcept>

namespace pgherd::etcd {

namespace {

// gRPC writes every failed attempt to connect to stderr, in its own format. All of it is in the
// errors that the callers get. Whoever wants it nevertheless sets GRPC_VERBOSITY, as gRPC's manual
// says.
void quieten_grpc() {
  if (!std::getenv("GRPC_VERBOSITY")) gpr_set_log_function([](gpr_log_func_args*) {});
}

std::string read_pem(const std::string& path, const char* setting) {
  std::ifstream file(path, std::ios::binary);
  std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  if (!file.good() && !file.eof())
    throw std::runtime_error("cannot read " + path + " (etcd3." + setting +
                             "): check that it exists and that this user may read it");
  return text;
}

grpc::ChannelArguments make_arguments() {
  grpc::ChannelArguments arguments;
  // The store is never behind a proxy that the environment names for web pages.
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  // A channel for each endpoint, each with its own connection and its own backoff.
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  // A name with several addresses: try all of them, and never wait for a dead first one.
  arguments.SetLoadBalancingPolicyName("round_robin");
  arguments.SetInt(GRPC_ARG_DNS_MIN_TIME_BETWEEN_RESOLUTIONS_MS, 2000);
  // The minimum is also how long one attempt to connect may take.
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 100);
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, 1000);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 1000);
  // etcd hangs up on who pings more often than every 5 s (--grpc-keepalive-min-time). A dead
  // connection is noticed sooner than this by its silence; the ping makes gRPC drop it.
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, 6000);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 3000);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 0);
  arguments.SetInt(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
  // What is read is small: no pings that measure how much could be under way at once.
  arguments.SetInt(GRPC_ARG_HTTP2_BDP_PROBE, 0);
  arguments.SetInt(GRPC_ARG_ENABLE_RETRIES, 0);  // we know better which requests may be repeated
  arguments.SetMaxReceiveMessageSize(64 << 20);
  arguments.SetMaxSendMessageSize(-1);
  return arguments;
}

}  // namespace

TlsText read_tls(const EtcdConfig& config) {
  TlsText tls;
  tls.is_used = config.use_tls;
  if (!tls.is_used) return tls;
  if (!config.cacert.empty()) tls.authorities = read_pem(config.cacert, "cacert");
  if (!config.cert.empty()) {
    tls.certificates = read_pem(config.cert, "cert");
    // The key may be in the certificate's file.
    tls.key = config.key.empty() ? tls.certificates : read_pem(config.key, "key");
  }
  return tls;
}

std::shared_ptr<grpc::ChannelCredentials> make_credentials(const TlsText& tls) {
  if (!tls.is_used) return grpc::InsecureChannelCredentials();
  grpc::SslCredentialsOptions options;
  options.pem_root_certs = tls.authorities;
  options.pem_cert_chain = tls.certificates;
  options.pem_private_key = tls.key;
  return grpc::SslCredentials(options);
}

std::shared_ptr<grpc::Channel> make_channel(
    const std::string& endpoint, const std::shared_ptr<grpc::ChannelCredentials>& credentials) {
  static const grpc::ChannelArguments arguments = [] {
    quieten_grpc();
    return make_arguments();
  }();
  auto channel = grpc::CreateCustomChannel("dns:///" + endpoint, credentials, arguments);
  (void)channel->GetState(/*try_to_connect=*/true);
  return channel;
}

}  // namespace pgherd::etcd
