#include <fmt/format.h>

#include "ctl/commands.h"
#include "ctl/errors.h"

namespace pgherd::ctl {
namespace {

// etcd takes 128 writes in one transaction unless told otherwise (etcd manual, --max-txn-ops).
constexpr std::size_t kWritesMax = 100;
// Running agents write their keys again; this is not a race that ctl can win.
constexpr int kRounds = 5;

bool delete_what_is_there(CtlContext& context, const std::string& prefix) {
  const Snapshot snapshot = context.store.read(prefix);
  Transaction transaction;
  for (const KeyValue& entry : snapshot.entries) {
    transaction.writes.push_back(Delete{.key = entry.key});
    if (transaction.writes.size() == kWritesMax) {
      (void)context.store.commit(std::move(transaction));
      transaction = {};
    }
  }
  if (!transaction.writes.empty()) (void)context.store.commit(std::move(transaction));
  return snapshot.entries.empty();
}

void confirm(CtlContext& context, const Cluster& cluster) {
  if (context.console.ask("Please confirm the cluster name to remove") != cluster.name) {
    throw CtlError("Cluster names specified do not match");
  }
  const std::string phrase = "Yes I am aware";
  const std::string answer = context.console.ask(
      fmt::format("You are about to remove all information in DCS for {}, please type: \"{}\"",
                  cluster.name, phrase));
  if (answer != phrase) {
    throw CtlError(fmt::format("You did not exactly type \"{}\"", phrase));
  }
  if (!cluster.view.has_leader()) return;
  if (context.console.ask("This cluster currently is healthy. Please specify the leader name to "
                          "continue") != cluster.view.leader->name) {
    throw CtlError("You did not specify the current leader of the cluster");
  }
}

}  // namespace

int remove_cluster(CtlContext& context, const RemoveOptions& options) {
  const Cluster cluster = read_named(context, options.cluster, {}).cluster;
  print_cluster(context, cluster, {.format = options.format});
  confirm(context, cluster);
  for (int round = 0; round < kRounds; ++round) {
    if (delete_what_is_there(context, cluster.layout.prefix())) return 0;
  }
  throw CtlError(
      fmt::format("keys under {} come back as fast as they are deleted: stop the agents "
                  "of the cluster first",
                  cluster.layout.prefix()));
}

}  // namespace pgherd::ctl
