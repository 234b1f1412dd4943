#include "drill/setting_for_now.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "codec/dynamic_config.h"
#include "drill/errors.h"
#include "drill/ground.h"
#include "rest/url.h"

namespace pgherd::drill {
namespace {

// "null" where it is not there, or the text is no JSON object.
std::string value_in(std::string_view config_json, const std::string& key) {
  const auto config = nlohmann::json::parse(config_json, nullptr, false);
  return config.is_object() && config.contains(key) ? config[key].dump() : "null";
}

}  // namespace

SettingForNow::SettingForNow(const Drilled& drilled, const ctl::Cluster& cluster, std::string key,
                             const std::string& json_value)
    : drilled_(drilled), key_(std::move(key)), before_(value_in(cluster.view.config->json, key_)) {
  write(json_value);
  try {
    await_leader(cluster, json_value);
  } catch (...) {
    write(before_);
    throw;
  }
}

SettingForNow::~SettingForNow() {
  try {
    write(before_);
  } catch (const std::exception& error) {
    drilled_.context.console.complain(
        fmt::format("warning: {} is not put back: {}; do it with `edit-config -s {}={}`", key_,
                    error.what(), key_, before_));
  }
}

void SettingForNow::write(const std::string& json_value) {
  constexpr int kTries = 5;
  for (int tried = 0; tried < kTries; ++tried) {
    const auto cluster = ctl::read_cluster(drilled_.context, drilled_.options.cluster);
    const std::string key = cluster.layout.key("config");
    const auto patched =
        merge_patch(cluster.view.config->json, fmt::format("{{\"{}\": {}}}", key_, json_value));
    if (!patched) throw DrillError(patched.error());
    if (is_same_config(cluster.view.config->json, *patched)) return;
    Transaction transaction;
    transaction.compares.push_back(Compare{.what = Compare::What::ModRevision,
                                           .key = key,
                                           .number = cluster.view.config_revision.value});
    transaction.writes.push_back(Put{.key = key, .value = *patched});
    if (drilled_.context.store.commit(std::move(transaction)).succeeded) return;
  }
  throw DrillError("the dynamic configuration changes all the time");
}

void SettingForNow::await_leader(const ctl::Cluster& cluster, const std::string& json_value) {
  const Member* leader = cluster.view.leader_member();
  const Instant until =
      drilled_.context.store.now() + ctl::settings_of(cluster.view).loop_wait + 5s;
  for (;;) {
    const auto reply =
        drilled_.context.api.call(ctl::ApiRequest{.method = "GET",
                                                  .url = endpoint_url(leader->api_url, "config"),
                                                  .body = "",
                                                  .timeout = 5s});
    if (reply && value_in(reply->body, key_) == json_value) return;
    if (drilled_.context.store.now() > until)
      throw DrillError(fmt::format("the leader does not hear of {}", key_));
    pause_for(drilled_, 100ms);
  }
}

}  // namespace pgherd::drill
