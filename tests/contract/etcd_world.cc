#include "contract/etcd_world.h"

#include <chrono>
#include <cstdlib>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>

namespace pgherd::contract {

namespace {

// How long a healthy test machine may need for anything; only a hanging test waits that long.
constexpr Duration kHang = 60s;

}  // namespace

EtcdWorld::EtcdWorld(int members, std::vector<std::string> more_options, EtcdConfig config)
    : config_(std::move(config)), cluster_(members, std::move(more_options)) {
  await_an_answer();
}

EtcdWorld::EtcdWorld(const std::string& proxy)
    : is_behind_grpc_proxy_(proxy == "grpc-proxy"),
      cluster_(1),
      proxy_(std::make_unique<EtcdProxy>(proxy, cluster_)) {
  config_.use_proxies = true;
  await_an_answer();
}

void EtcdWorld::await_an_answer() {
  dcs_ = client_of(config_of_all());
  std::optional<Result<Snapshot, DcsError>> first;
  dcs_->read("/", ReadMode::Linearizable, clock_.now() + kHang,
             [&](Result<Snapshot, DcsError> answer) { first.emplace(std::move(answer)); });
  if (!run_until([&] { return first.has_value(); }) || !*first)
    throw std::runtime_error(
        "etcd did not come up: " + (first ? first->error().text : std::string("no answer")) + "\n" +
        cluster_.logs());
}

EtcdConfig EtcdWorld::config_of_all() const {
  EtcdConfig config = config_;
  config.endpoints = proxy_ ? std::vector{proxy_->endpoint()} : cluster_.endpoints();
  return config;
}

std::unique_ptr<EtcdDcs> EtcdWorld::client_of(const EtcdConfig& config) {
  EtcdHints hints;
  if (std::getenv("PGHERD_TEST_TELL"))
    hints.tell = [](const std::string& text) { fprintf(stderr, "%s\n", text.c_str()); };
  return std::make_unique<EtcdDcs>(config, loop_.get_executor(), clock_, std::move(hints));
}

bool EtcdWorld::run_until(const std::function<bool()>& condition) {
  const auto hang = clock_.now() + kHang;
  while (!condition()) {
    const auto left = hang - clock_.now();
    if (left <= 0s) return false;
    loop_.restart();
    if (loop_.run_one_for(std::min<Duration>(left, 100ms)) == 0 && loop_.stopped()) loop_.restart();
  }
  return true;
}

}  // namespace pgherd::contract
