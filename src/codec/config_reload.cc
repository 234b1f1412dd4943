#include "codec/config_reload.h"

#include <initializer_list>
#include <string_view>
#include <utility>

#include "codec/config_table.h"

namespace pgherd {
namespace {

using Change = std::pair<std::string, bool>;

std::vector<std::string> names_of(std::initializer_list<Change> changes) {
  std::vector<std::string> names;
  for (const auto& [name, has_changed] : changes)
    if (has_changed) names.push_back(name);
  return names;
}

// "etcd3, but for username, password, ...,"
std::string etcd_but_for_what_a_reload_reads() {
  constexpr std::string_view kSection = "etcd3.";
  std::string text = "etcd3, but for ";
  for (const KnownKey& key : config_table())
    if (key.path.starts_with(kSection) && key.read == WhenRead::AtReload)
      text.append(key.path.substr(kSection.size())).append(", ");
  text.pop_back();
  return text;
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
                   {etcd_but_for_what_a_reload_reads(), before.etcd != etcd},
                   {"watchdog.device", before.watchdog.device != after.watchdog.device},
                   {"watchdog.driver", before.watchdog.driver != after.watchdog.driver}});
}

}  // namespace pgherd
