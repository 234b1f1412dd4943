// Layout: which key holds what, and which transaction carries out which step (as Patroni's
// dcs/__init__.py and etcd3.py, for both work on them). Pure; the only place that knows key names.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "dcs/dcs.h"
#include "model/cluster_view.h"
#include "steps/step.h"

namespace pgherd {

// What the values that change often were read as last, so that the same text is not read again.
// Several layouts of one process may share one; one thread at a time.
struct ReadValues {
  template <typename T>
  struct Entry {
    std::string text;
    T value;
  };
  std::map<NodeName, Entry<Member>> members;
  Entry<StatusKey> status;
};

class Layout {
 public:
  // Keys live under /<namespace>/<scope>/, runs of '/' collapsed. `self` is the member's name.
  Layout(std::string_view name_space, std::string_view scope, NodeName self,
         std::shared_ptr<ReadValues> read_values = std::make_shared<ReadValues>());

  [[nodiscard]] const std::string& prefix() const { return prefix_; }  // "/service/main/"
  [[nodiscard]] std::string key(std::string_view leaf) const;          // key("leader")
  [[nodiscard]] std::string member_key(const NodeName& name) const;
  [[nodiscard]] std::string router_key(const std::string& name) const;

  // Raw keys to a picture. Unreadable values are absent in it, never an error (safety 20);
  // a `/config` that is no JSON object leaves `previous_config` standing.
  [[nodiscard]] ClusterView view(const std::map<std::string, KeyValue>& entries, Revision revision,
                                 const Shared<ConfigKey>& previous_config = {}) const;

  // `view`, a picture of these entries but for `key`, with what `key` is now.
  void amend(ClusterView& view, std::string_view key,
             const std::map<std::string, KeyValue>& entries) const;

  // The transaction of a store step; nullopt for steps that are no transaction (GrantLease,
  // Promote...). RenewLease{holds_leader_key}: the confirming compare, without a write.
  [[nodiscard]] std::optional<Transaction> transaction(const Step& step) const;

 private:
  friend struct LayoutReader;
  std::string prefix_;
  NodeName self_;
  std::shared_ptr<ReadValues> read_values_;
};

}  // namespace pgherd
