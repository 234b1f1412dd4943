#include "codec/config_reload.h"

#include <initializer_list>
#include <utility>

namespace pgherd {
namespace {

using Change = std::pair<const char*, bool>;

std::vector<std::string> names_of(std::initializer_list<Change> changes) {
  std::vector<std::string> names;
  for (const auto& [name, has_changed] : changes)
    if (has_changed) names.emplace_back(name);
  return names;
}

}  // namespace

std::vector<std::string> keys_of_another_agent(const AgentConfig& before,
                                               const AgentConfig& after) {
  return names_of(
      {{"scope", before.scope != after.scope},
       {"name", before.name != after.name},
       {"postgresql.data_dir", before.postgresql.data_dir != after.postgresql.data_dir}});
}

std::vector<std::string> what_needs_a_start(const AgentConfig& before, const AgentConfig& after) {
  EtcdConfig etcd = after.etcd;
  etcd.username = before.etcd.username;
  etcd.password = before.etcd.password;
  etcd.cacert = before.etcd.cacert;
  etcd.cert = before.etcd.cert;
  etcd.key = before.etcd.key;
  return names_of({{"namespace", before.name_space != after.name_space},
                   {"etcd3, but for its login and its certificates,", before.etcd != etcd},
                   {"watchdog.device", before.watchdog.device != after.watchdog.device},
                   {"watchdog.driver", before.watchdog.driver != after.watchdog.driver}});
}

}  // namespace pgherd
