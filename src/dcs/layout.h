// Layout: which key holds what, and which transaction carries out which step (spec: shared key
// layout of Patroni and pgherd). Pure; the only place that knows key names.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "dcs/dcs.h"
#include "decide/plan.h"
#include "model/cluster_view.h"

namespace pgherd {

class Layout {
 public:
  // Keys live under /<namespace>/<scope>/, runs of '/' collapsed. `self` is the member's name.
  Layout(std::string_view name_space, std::string_view scope, NodeName self);

  [[nodiscard]] const std::string& prefix() const { return prefix_; }  // "/service/main/"
  [[nodiscard]] std::string key(std::string_view leaf) const;          // key("leader")
  [[nodiscard]] std::string member_key(const NodeName& name) const;

  // Raw keys to a picture. Unreadable values are absent in it, never an error (spec safety 20);
  // a `/config` that is no JSON object leaves `previous_config` standing.
  [[nodiscard]] ClusterView view(const std::map<std::string, KeyValue>& entries, Revision revision,
                                 const std::optional<ConfigKey>& previous_config = {}) const;

  // `view`, a picture of these entries but for `key`, with what `key` is now.
  void amend(ClusterView& view, std::string_view key,
             const std::map<std::string, KeyValue>& entries) const;

  // The transaction of a store step; nullopt for steps that are no transaction (GrantLease,
  // Promote...). RenewLease{holds_leader_key}: the confirming compare, without a write.
  [[nodiscard]] std::optional<Transaction> transaction(const Step& step) const;

 private:
  std::string prefix_;
  NodeName self_;
};

}  // namespace pgherd
