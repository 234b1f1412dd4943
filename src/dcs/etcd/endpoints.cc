#include "dcs/etcd/endpoints.h"

#include <algorithm>
#include <stdexcept>
#include <tuple>
#include <utility>

#include "dcs/etcd/channel.h"

namespace pgherd::etcd {

namespace {

constexpr Duration kSuspicion = 5s;
constexpr Duration kReopenGap = 300ms;

std::string with_port(const std::string& endpoint) {
  const auto bracket = endpoint.rfind(']');
  const auto colon = endpoint.rfind(':');
  const bool has_port =
      colon != std::string::npos && (bracket == std::string::npos || colon > bracket);
  return has_port ? endpoint : endpoint + ":2379";
}

int distance_from_ready(const Endpoint& endpoint) {
  switch (endpoint.channel->GetState(/*try_to_connect=*/true)) {
    case GRPC_CHANNEL_READY:
      return 0;
    case GRPC_CHANNEL_CONNECTING:
    case GRPC_CHANNEL_IDLE:
      return 1;
    default:
      return 2;
  }
}

}  // namespace

Endpoint::Endpoint(std::string its_name, bool configured,
                   const std::shared_ptr<grpc::ChannelCredentials>& credentials)
    : name(std::move(its_name)),
      is_configured(configured),
      channel(make_channel(name, credentials)),
      kv(etcdserverpb::KV::NewStub(channel)),
      lease(etcdserverpb::Lease::NewStub(channel)),
      watch(etcdserverpb::Watch::NewStub(channel)),
      cluster(etcdserverpb::Cluster::NewStub(channel)),
      auth(etcdserverpb::Auth::NewStub(channel)) {}

Endpoints::Endpoints(EtcdConfig config)
    : config_(std::move(config)), tls_(read_tls(config_)), credentials_(make_credentials(tls_)) {
  if (config_.endpoints.empty() && config_.srv.empty())
    throw std::runtime_error("no etcd endpoint is configured: set etcd3.hosts to host:port,...");
  configure(config_.endpoints, config_.use_tls);
}

void Endpoints::configure(const std::vector<std::string>& names, bool use_tls) {
  if (use_tls != config_.use_tls) {
    EtcdConfig changed = config_;
    changed.use_tls = use_tls;
    tls_ = read_tls(changed);
    credentials_ = make_credentials(tls_);
    config_ = std::move(changed);
    all_.clear();
  }
  is_loopback_ = std::all_of(names.begin(), names.end(), is_loopback);
  const auto before = std::exchange(all_, {});
  for (const auto& name : names) {
    const auto kept = std::find_if(before.begin(), before.end(), [&](const auto& endpoint) {
      return endpoint->is_configured && endpoint->name == with_port(name);
    });
    all_.push_back(kept != before.end()
                       ? *kept
                       : std::make_shared<Endpoint>(with_port(name), true, credentials_));
  }
  for (const auto& endpoint : before)
    if (!endpoint->is_configured && !has_name(endpoint->name)) all_.push_back(endpoint);
  mend_preference();
}

void Endpoints::renew_certificates(const EtcdConfig& config) {
  EtcdConfig changed = config_;
  changed.cacert = config.cacert;
  changed.cert = config.cert;
  changed.key = config.key;
  TlsText tls = read_tls(changed);
  config_ = std::move(changed);
  if (tls == tls_) return;
  tls_ = std::move(tls);
  credentials_ = make_credentials(tls_);
  renewals_.clear();
  for (const auto& former : all_) {
    auto fresh = std::make_shared<Endpoint>(former->name, former->is_configured, credentials_);
    fresh->member_id = former->member_id;
    renewals_.push_back({.former = former, .fresh = std::move(fresh)});
  }
}

bool Endpoints::settle() {
  std::erase_if(renewals_, [this](const Renewal& renewal) { return is_over(renewal); });
  return renewals_.empty();
}

// Also when the former has gone from the list, or somebody has opened it anew.
bool Endpoints::is_over(const Renewal& renewal) {
  const auto found = std::find(all_.begin(), all_.end(), renewal.former);
  if (found == all_.end()) return true;
  if (distance_from_ready(*renewal.fresh) != 0) return false;
  if (preferred_ == renewal.former) preferred_ = renewal.fresh;
  *found = renewal.fresh;
  return true;
}

bool Endpoints::are_all_suspect(Instant now) const {
  return std::all_of(all_.begin(), all_.end(),
                     [&](const auto& endpoint) { return now < endpoint->suspect_until; });
}

bool Endpoints::has_name(const std::string& name) const {
  return std::any_of(all_.begin(), all_.end(),
                     [&](const auto& endpoint) { return endpoint->name == name; });
}

void Endpoints::mend_preference() {
  if (std::find(all_.begin(), all_.end(), preferred_) == all_.end())
    preferred_ = all_.empty() ? nullptr : all_.front();
}

std::vector<std::shared_ptr<Endpoint>> Endpoints::ranked(Instant now) const {
  using Rank = std::tuple<bool, int, bool>;
  std::vector<std::pair<Rank, std::shared_ptr<Endpoint>>> ranks;
  ranks.reserve(all_.size());
  for (const auto& endpoint : all_)
    ranks.emplace_back(
        Rank{now < endpoint->suspect_until, distance_from_ready(*endpoint), endpoint != preferred_},
        endpoint);
  std::stable_sort(ranks.begin(), ranks.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  std::vector<std::shared_ptr<Endpoint>> ranked;
  for (auto& [rank, endpoint] : ranks)
    ranked.push_back(std::move(endpoint));
  return ranked;
}

void Endpoints::suspect(Endpoint& endpoint, Instant now) {
  endpoint.suspect_until = now + kSuspicion;
}

bool Endpoints::reopen(const std::shared_ptr<Endpoint>& silent, Instant now) {
  const auto found = std::find(all_.begin(), all_.end(), silent);
  // Not there: another request has replaced it meanwhile, which is as good.
  if (found == all_.end()) return true;
  if (now - silent->opened_at < kReopenGap) return false;
  auto fresh = std::make_shared<Endpoint>(silent->name, silent->is_configured, credentials_);
  fresh->opened_at = now;
  if (preferred_ == silent) preferred_ = fresh;
  *found = std::move(fresh);
  return true;
}

bool Endpoints::prefer(const std::shared_ptr<Endpoint>& endpoint) {
  const bool is_change = preferred_ != endpoint;
  preferred_ = endpoint;
  return is_change;
}

void Endpoints::learn(const std::vector<ListedMember>& members) {
  std::erase_if(all_, [&](const auto& endpoint) {
    return !endpoint->is_configured &&
           (leads_nowhere(*endpoint, members) || has_configured_way_to(endpoint->member_id));
  });
  mend_preference();
  for (const auto& member : members) {
    const bool is_known = std::any_of(all_.begin(), all_.end(), [&](const auto& endpoint) {
      return endpoint->member_id == member.id;
    });
    if (!is_known) add(member);
  }
}

bool Endpoints::leads_nowhere(const Endpoint& endpoint, const std::vector<ListedMember>& members) {
  return std::none_of(members.begin(), members.end(),
                      [&](const ListedMember& member) { return member.id == endpoint.member_id; });
}

bool Endpoints::has_configured_way_to(std::uint64_t member_id) const {
  return std::any_of(all_.begin(), all_.end(), [&](const auto& endpoint) {
    return endpoint->is_configured && endpoint->member_id == member_id;
  });
}

void Endpoints::add(const ListedMember& member) {
  for (const auto& url : member.client_urls) {
    const auto name = endpoint_of_url(url, config_.use_tls);
    if (!name || (is_loopback(*name) && !is_loopback_) || has_name(*name)) continue;
    all_.push_back(std::make_shared<Endpoint>(*name, false, credentials_));
    all_.back()->member_id = member.id;
  }
}

std::optional<std::string> endpoint_of_url(const std::string& url, bool use_tls) {
  const std::string scheme = use_tls ? "https://" : "http://";
  if (!url.starts_with(scheme)) return std::nullopt;
  auto host_port = url.substr(scheme.size());
  host_port = host_port.substr(0, host_port.find('/'));
  if (host_port.empty()) return std::nullopt;
  return with_port(host_port);
}

bool is_loopback(const std::string& endpoint) {
  return endpoint.starts_with("localhost") || endpoint.starts_with("127.") ||
         endpoint.starts_with("[::1]");
}

}  // namespace pgherd::etcd
