#include "daemon/name_guard.h"

#include <utility>

#include "codec/dcs_values.h"
#include "rest/url.h"

namespace pgherd {
namespace {

constexpr Duration kStorePatience = 3s;
constexpr Duration kAskAgain = 1s;
constexpr int kTellEvery = 10;

}  // namespace

void NameGuard::check(std::function<void(bool)> verdict,
                      std::function<void(const std::string&)> tell) {
  verdict_ = std::move(verdict);
  tell_ = std::move(tell);
  ask_store();
}

void NameGuard::ask_store() {
  parts_.dcs.read(parts_.layout.member_key(parts_.self), ReadMode::Linearizable,
                  parts_.clock.now() + kStorePatience, [this](Result<Snapshot, DcsError> answer) {
                    if (answer) return ask_member(*answer);
                    if (failures_++ % kTellEvery == 0) {
                      tell_("waiting on etcd: " + answer.error().text);
                    }
                    again_ =
                        parts_.clock.at(parts_.clock.now() + kAskAgain, [this] { ask_store(); });
                  });
}

void NameGuard::ask_member(const Snapshot& snapshot) {
  const std::string key = parts_.layout.member_key(parts_.self);
  std::string api_url;
  for (const KeyValue& entry : snapshot.entries) {
    if (entry.key == key) api_url = decode_member(parts_.self, entry.value).api_url;
  }
  if (api_url.empty()) return verdict_(false);
  HttpRequest request;
  request.url = endpoint_url(api_url, "liveness");
  request.connect_timeout = 3s;
  request.timeout = 3s;
  parts_.http().send(std::move(request), [this](const Result<HttpAnswer, HttpError>& answer) {
    verdict_(answer.has_value());
  });
}

}  // namespace pgherd
