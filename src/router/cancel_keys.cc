#include "router/cancel_keys.h"

#include <openssl/crypto.h>

namespace pgherd::router {
namespace {

// Whoever guesses keys must not learn from the time that a refusal takes how far he was right.
bool is_same(const std::string& one, const std::string& other) {
  return one.size() == other.size() && CRYPTO_memcmp(one.data(), other.data(), one.size()) == 0;
}

}  // namespace

void CancelKeys::enter(const pgwire::CancelRequest& key, const Endpoint& server) {
  enter(key, server, key);
}

void CancelKeys::enter(const pgwire::CancelRequest& key, const Endpoint& server,
                       const pgwire::CancelRequest& of_server) {
  Entry entry{.key = key.key, .target = {.server = server, .request = of_server}};
  const std::lock_guard lock(mutex_);
  entries_.emplace(key.pid, std::move(entry));
}

void CancelKeys::remove(const pgwire::CancelRequest& key, const Endpoint& server) {
  const std::lock_guard lock(mutex_);
  const auto [first, last] = entries_.equal_range(key.pid);
  for (auto at = first; at != last; ++at) {
    if (at->second.target.server != server || !is_same(at->second.key, key.key)) continue;
    entries_.erase(at);
    return;
  }
}

std::optional<CancelKeys::Target> CancelKeys::target_of(const pgwire::CancelRequest& key) const {
  const std::lock_guard lock(mutex_);
  const auto [first, last] = entries_.equal_range(key.pid);
  std::optional<Target> found;
  for (auto at = first; at != last; ++at)
    if (is_same(at->second.key, key.key)) found = at->second.target;
  return found;
}

std::size_t CancelKeys::size() const {
  const std::lock_guard lock(mutex_);
  return entries_.size();
}

}  // namespace pgherd::router
