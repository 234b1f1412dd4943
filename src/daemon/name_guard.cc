#include "daemon/name_guard.h"

#include <utility>

#include "codec/dcs_values.h"
#include "model/member.h"
#include "model/sync_names.h"
#include "rest/url.h"

namespace pgherd {
namespace {

constexpr Duration kStorePatience = 3s;
constexpr Duration kAskAgain = 1s;
constexpr int kTellEvery = 10;

}  // namespace

std::string why_names_clash(const NodeName& one, const NodeName& other) {
  const std::string slot = slot_name_of(one);
  if (one == other || slot != slot_name_of(other)) return {};
  const bool is_case = same_name(one, other);
  return "the members '" + one + "' and '" + other + "' cannot be in one cluster: " +
         (is_case ? "their names differ only in case, which PostgreSQL does not see in "
                    "synchronous_standby_names, and both"
                  : "both") +
         " would stream through the replication slot '" + slot + "'";
}

void NameGuard::check(std::function<void(const std::string&)> verdict,
                      std::function<void(const std::string&)> tell) {
  verdict_ = std::move(verdict);
  tell_ = std::move(tell);
  ask_store();
}

void NameGuard::ask_store() {
  parts_.dcs.read(parts_.layout.member_key({}), ReadMode::Linearizable,
                  parts_.clock.now() + kStorePatience, [this](Result<Snapshot, DcsError> answer) {
                    if (!answer && answer.error().kind == DcsErrorKind::WrongLogin)
                      return verdict_("etcd refuses the login: " + answer.error().text);
                    if (!answer) return ask_again("waiting on etcd: " + answer.error().text);
                    if (const std::string clash = clash_in(*answer); !clash.empty()) {
                      return ask_again("waiting: " + clash +
                                       ". Give this node another name, or remove the other member");
                    }
                    ask_member(*answer);
                  });
}

void NameGuard::ask_again(const std::string& why) {
  if (rounds_++ % kTellEvery == 0) tell_(why);
  again_ = parts_.clock.at(parts_.clock.now() + kAskAgain, [this] { ask_store(); });
}

// Whose own key is there has been a member before the other one came, or beside it: it may go on.
std::string NameGuard::clash_in(const Snapshot& snapshot) const {
  const std::string prefix = parts_.layout.member_key({});
  const std::string own = parts_.layout.member_key(parts_.self);
  std::string clash;
  for (const KeyValue& entry : snapshot.entries) {
    if (entry.key == own) return {};
    if (clash.empty() && entry.key.starts_with(prefix))
      clash = why_names_clash(parts_.self, entry.key.substr(prefix.size()));
  }
  return clash;
}

std::string NameGuard::twin() const {
  return "Can't start; there is already a node named '" + parts_.self +
         "' running. Give this node another name, or stop the other one";
}

void NameGuard::ask_member(const Snapshot& snapshot) {
  const std::string key = parts_.layout.member_key(parts_.self);
  std::string api_url;
  for (const KeyValue& entry : snapshot.entries) {
    if (entry.key == key) api_url = decode_member(parts_.self, entry.value).api_url;
  }
  if (api_url.empty()) return verdict_("");
  HttpRequest request;
  request.url = endpoint_url(api_url, "liveness");
  request.connect_timeout = 3s;
  request.timeout = 3s;
  parts_.http().send(std::move(request), [this](const Result<HttpAnswer, HttpError>& answer) {
    verdict_(answer ? twin() : "");
  });
}

}  // namespace pgherd
