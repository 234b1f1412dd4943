#include "dcs/layout.h"

#include <charconv>
#include <utility>

#include "codec/dcs_values.h"

namespace pgherd {

namespace {

constexpr std::string_view kInitialize = "initialize";
constexpr std::string_view kConfig = "config";
constexpr std::string_view kLeader = "leader";
constexpr std::string_view kMembers = "members/";
constexpr std::string_view kStatus = "status";
constexpr std::string_view kLegacyOptime = "optime/leader";
constexpr std::string_view kFailover = "failover";
constexpr std::string_view kSync = "sync";
constexpr std::string_view kHistory = "history";
constexpr std::string_view kFailsafe = "failsafe";
constexpr std::string_view kStopping = "stopping";
constexpr std::string_view kRouters = "routers/";
constexpr std::string_view kTimeline = "timeline";  // "<number> <member name>"

std::string collapse_slashes(std::string_view path) {
  std::string collapsed;
  for (const char c : path)
    if (c != '/' || collapsed.empty() || collapsed.back() != '/') collapsed.push_back(c);
  return collapsed;
}

// ---- Compares, in the words of the key layout

Compare is_absent(std::string key) {
  return {.what = Compare::What::CreateRevision, .key = std::move(key), .number = 0, .text = {}};
}
// Nobody wrote it since; revision zero = it is still absent.
Compare is_unchanged_since(std::string key, Revision seen) {
  return {
      .what = Compare::What::ModRevision, .key = std::move(key), .number = seen.value, .text = {}};
}
Compare has_value(std::string key, std::string value) {
  return {
      .what = Compare::What::Value, .key = std::move(key), .number = 0, .text = std::move(value)};
}
Compare is_bound_to(std::string key, LeaseId lease) {
  return {.what = Compare::What::Lease, .key = std::move(key), .number = lease.value, .text = {}};
}

Put unbound(std::string key, std::string value) {
  return {.key = std::move(key), .value = std::move(value), .lease = {}};
}
Put unbound_if_absent(std::string key, std::string value) {
  return {.key = std::move(key), .value = std::move(value), .lease = {}, .only_if_absent = true};
}

// ---- Steps

// One function for each step that is a transaction; everything else falls to the last.
struct Writer {
  const Layout& layout;
  const NodeName& self;

  [[nodiscard]] Compare i_lead() const { return has_value(layout.key(kLeader), self); }

  std::optional<Transaction> operator()(const RenewLease& step) const {
    if (!step.holds_leader_key) return std::nullopt;
    return Transaction{.compares = {i_lead(), is_bound_to(layout.key(kLeader), step.lease)},
                       .writes = {},
                       .otherwise = {}};
  }

  std::optional<Transaction> operator()(const AcquireLeaderKey& step) const {
    return Transaction{.compares = {is_absent(layout.key(kLeader)),
                                    is_unchanged_since(layout.key(kSync), step.sync_seen),
                                    is_unchanged_since(layout.key(kConfig), step.config_seen)},
                       .writes = {Put{layout.key(kLeader), self, step.lease}},
                       .otherwise = {}};
  }

  std::optional<Transaction> operator()(const RebindLeaderKey& step) const {
    return Transaction{.compares = {i_lead(), is_unchanged_since(layout.key(kLeader), step.seen)},
                       .writes = {Put{layout.key(kLeader), self, step.lease}},
                       .otherwise = {}};
  }

  // A position that is not known must not replace one that is.
  std::optional<Transaction> operator()(const ReleaseLeaderKey& step) const {
    Transaction release{.compares = {i_lead()}, .writes = {}, .otherwise = {}};
    if (step.seen.value != 0) {
      release.compares.push_back(is_unchanged_since(layout.key(kLeader), step.seen));
    }
    if (step.status.optime.is_known())
      release.writes.emplace_back(unbound(layout.key(kStatus), encode_status(step.status)));
    release.writes.emplace_back(Delete{layout.key(kLeader)});
    return release;
  }

  // Bound to the lease, so that a bootstrapper that loses power does not block the cluster until
  // somebody deletes the key by hand.
  std::optional<Transaction> operator()(const TakeInitializeKey& step) const {
    return Transaction{.compares = {is_absent(layout.key(kInitialize))},
                       .writes = {Put{layout.key(kInitialize), "", step.lease}},
                       .otherwise = {}};
  }

  // Here the key loses its lease: from now on the cluster exists whoever is alive. A `/config` that
  // an operator wrote beforehand stands.
  std::optional<Transaction> operator()(const FinishInitialize& step) const {
    Transaction finish{
        .compares = {is_unchanged_since(layout.key(kInitialize), step.seen.value_or(Revision{})),
                     is_absent(layout.key(kLeader))},
        .writes = {unbound(layout.key(kInitialize), step.system_id),
                   Put{layout.key(kLeader), self, step.lease}},
        .otherwise = {}};
    if (!step.config_json.empty())
      finish.writes.emplace_back(unbound_if_absent(layout.key(kConfig), step.config_json));
    return finish;
  }

  std::optional<Transaction> operator()(const GiveBackInitializeKey& step) const {
    const auto key = layout.key(kInitialize);
    return Transaction{.compares = {is_unchanged_since(key, step.seen), has_value(key, "")},
                       .writes = {Delete{key}},
                       .otherwise = {}};
  }

  // `/initialize` may also be there with a value that is no identifier, so it is written over.
  std::optional<Transaction> operator()(const RestoreKeys& step) const {
    Transaction restore{.compares = {i_lead()}, .writes = {}, .otherwise = {}};
    if (step.initialize)
      restore.writes.emplace_back(unbound(layout.key(kInitialize), *step.initialize));
    if (step.config_json)
      restore.writes.emplace_back(unbound_if_absent(layout.key(kConfig), *step.config_json));
    return restore;
  }

  std::optional<Transaction> operator()(const PublishMember& step) const {
    return Transaction{
        .compares = {},
        .writes = {Put{layout.member_key(self), encode_member(step.member), step.lease}},
        .otherwise = {}};
  }

  // Status and history are the leader's: one that was deposed meanwhile must not write over its
  // successor's (Patroni writes unconditionally; a stricter writer is compatible).
  std::optional<Transaction> operator()(const PublishStatus& step) const {
    return Transaction{.compares = {i_lead()},
                       .writes = {unbound(layout.key(kStatus), encode_status(step.status))},
                       .otherwise = {}};
  }
  std::optional<Transaction> operator()(const PublishHistory& step) const {
    return Transaction{.compares = {i_lead()},
                       .writes = {unbound(layout.key(kHistory), encode_history(step.rows))},
                       .otherwise = {}};
  }

  std::optional<Transaction> operator()(const PublishFailsafe& step) const {
    return Transaction{.compares = {i_lead()},
                       .writes = {unbound(layout.key(kFailsafe), encode_failsafe(step.members))},
                       .otherwise = {}};
  }

  std::optional<Transaction> operator()(const ClaimTimeline& step) const {
    const auto key = layout.key(kTimeline);
    return Transaction{.compares = {i_lead(), is_unchanged_since(key, step.seen)},
                       .writes = {unbound(key, std::to_string(step.timeline.value) + " " + self)},
                       .otherwise = {}};
  }

  [[nodiscard]] std::vector<Compare> i_lead_and_sync_is(Revision seen, LeaseId lease) const {
    return {i_lead(), is_bound_to(layout.key(kLeader), lease),
            is_unchanged_since(layout.key(kSync), seen)};
  }
  std::optional<Transaction> operator()(const WriteSync& step) const {
    return Transaction{.compares = i_lead_and_sync_is(step.seen, step.lease),
                       .writes = {unbound(layout.key(kSync), encode_sync(step.value))},
                       .otherwise = {}};
  }
  std::optional<Transaction> operator()(const DeleteSync& step) const {
    return Transaction{.compares = i_lead_and_sync_is(step.seen, step.lease),
                       .writes = {Delete{layout.key(kSync)}},
                       .otherwise = {}};
  }

  std::optional<Transaction> operator()(const ClearFailoverRequest& step) const {
    const auto key = layout.key(kFailover);
    return Transaction{.compares = {is_unchanged_since(key, step.seen)},
                       .writes = {unbound(key, "{}")},
                       .otherwise = {}};
  }

  std::optional<Transaction> operator()(const AnnounceStop& step) const {
    return Transaction{.compares = {i_lead()},
                       .writes = {Put{layout.key(kStopping), self, step.lease}},
                       .otherwise = {}};
  }
  std::optional<Transaction> operator()(const WithdrawStop& step) const {
    const auto key = layout.key(kStopping);
    return Transaction{
        .compares = {is_unchanged_since(key, step.seen)}, .writes = {Delete{key}}, .otherwise = {}};
  }

  template <typename NoTransaction>
  std::optional<Transaction> operator()(const NoTransaction& /*step*/) const {
    return std::nullopt;
  }
};

// ---- The picture

// Exactly members/<name>; deeper keys belong to somebody else.
bool is_member_name(std::string_view name) {
  return !name.empty() && name.find('/') == std::string_view::npos;
}

}  // namespace

struct LayoutReader {
  const Layout& layout;
  const std::map<std::string, KeyValue>& entries;

  [[nodiscard]] const KeyValue* find(std::string_view leaf) const {
    const auto found = entries.find(layout.key(leaf));
    return found == entries.end() ? nullptr : &found->second;
  }

  [[nodiscard]] std::optional<InitializeKey> initialize() const {
    const auto* entry = find(kInitialize);
    if (!entry) return std::nullopt;
    return InitializeKey{
        .value = entry->value, .mod_revision = entry->mod_revision, .lease = entry->lease};
  }

  [[nodiscard]] Revision revision_of(std::string_view leaf) const {
    const auto* entry = find(leaf);
    return entry ? entry->mod_revision : Revision{};
  }

  // Deleted is deleted; unreadable is a mistake, and the last that could be read stands.
  [[nodiscard]] Shared<ConfigKey> config(const Shared<ConfigKey>& previous) const {
    const auto* entry = find(kConfig);
    if (!entry) return std::nullopt;
    auto settings = decode_settings(entry->value);
    if (!settings) return previous;
    return ConfigKey{
        .json = entry->value, .settings = *settings, .mod_revision = entry->mod_revision};
  }

  [[nodiscard]] std::optional<LeaderKey> leader() const {
    const auto* entry = find(kLeader);
    if (!entry) return std::nullopt;
    return LeaderKey{.name = entry->value,
                     .lease = entry->lease,
                     .create_revision = entry->create_revision,
                     .mod_revision = entry->mod_revision};
  }

  [[nodiscard]] StatusKey status() const {
    if (const auto* entry = find(kStatus)) {
      auto& last = layout.read_values_->status;
      if (last.text != entry->value) {
        last = {.text = entry->value, .value = decode_status(entry->value)};
      }
      return last.value;
    }
    if (const auto* entry = find(kLegacyOptime)) return decode_status(entry->value);
    return {};
  }

  [[nodiscard]] Member member(const NodeName& name, const KeyValue& entry) const {
    auto& last = layout.read_values_->members[name];
    if (last.text != entry.value || last.value.name.empty()) {
      last = {.text = entry.value, .value = decode_member(name, entry.value)};
    }
    Member member = last.value;
    member.mod_revision = entry.mod_revision;
    member.lease = entry.lease;
    return member;
  }

  [[nodiscard]] std::map<NodeName, Member> members() const {
    std::map<NodeName, Member> found;
    const auto prefix = layout.key(kMembers);
    for (auto at = entries.lower_bound(prefix);
         at != entries.end() && at->first.starts_with(prefix); ++at) {
      const NodeName name = at->first.substr(prefix.size());
      if (is_member_name(name)) found.emplace(name, member(name, at->second));
    }
    return found;
  }

  [[nodiscard]] std::optional<FailoverRequest> failover() const {
    const auto* entry = find(kFailover);
    if (!entry) return std::nullopt;
    auto request = decode_failover(entry->value);
    if (request) request->mod_revision = entry->mod_revision;
    return request;
  }

  [[nodiscard]] std::optional<SyncKey> sync() const {
    const auto* entry = find(kSync);
    if (!entry) return std::nullopt;
    // What cannot be read says nothing, but its revision is needed to write over it.
    SyncKey sync = decode_sync(entry->value).value_or(SyncKey{});
    sync.mod_revision = entry->mod_revision;
    return sync;
  }

  [[nodiscard]] std::optional<std::vector<HistoryRow>> history() const {
    const auto* entry = find(kHistory);
    if (!entry) return std::nullopt;
    return decode_history(entry->value);
  }

  [[nodiscard]] std::optional<TimelineClaim> claim() const {
    const auto* entry = find(kTimeline);
    if (!entry) return std::nullopt;
    TimelineClaim claim{.timeline = {}, .by = {}, .mod_revision = entry->mod_revision};
    const char* const end = entry->value.data() + entry->value.size();
    const auto read = std::from_chars(entry->value.data(), end, claim.timeline.value);
    // What is no number claims nothing, but its revision is needed to write over it.
    if (read.ec != std::errc{}) claim.timeline = {};
    if (read.ptr != end) claim.by.assign(read.ptr + 1, end);
    return claim;
  }

  [[nodiscard]] std::optional<StopAnnouncement> stopping() const {
    const auto* entry = find(kStopping);
    if (!entry) return std::nullopt;
    return StopAnnouncement{.leader = entry->value, .mod_revision = entry->mod_revision};
  }

  [[nodiscard]] std::map<std::string, Revision> routers() const {
    std::map<std::string, Revision> found;
    const auto prefix = layout.key(kRouters);
    for (auto at = entries.lower_bound(prefix);
         at != entries.end() && at->first.starts_with(prefix); ++at) {
      found.emplace(at->first.substr(prefix.size()), decode_router(at->second.value));
    }
    return found;
  }

  [[nodiscard]] std::map<NodeName, std::string> failsafe() const {
    const auto* entry = find(kFailsafe);
    if (!entry) return {};
    return decode_failsafe(entry->value);
  }
};

Layout::Layout(std::string_view name_space, std::string_view scope, NodeName self,
               std::shared_ptr<ReadValues> read_values)
    : prefix_(collapse_slashes("/" + std::string(name_space) + "/" + std::string(scope) + "/")),
      self_(std::move(self)),
      read_values_(std::move(read_values)) {}

std::string Layout::key(std::string_view leaf) const {
  return prefix_ + std::string(leaf);
}

std::string Layout::member_key(const NodeName& name) const {
  return key(kMembers) + name;
}

std::string Layout::router_key(const std::string& name) const {
  return key(kRouters) + name;
}

ClusterView Layout::view(const std::map<std::string, KeyValue>& entries, Revision revision,
                         const Shared<ConfigKey>& previous_config) const {
  const LayoutReader reader{*this, entries};
  return {.revision = revision,
          .initialize = reader.initialize(),
          .config = reader.config(previous_config),
          .config_revision = reader.revision_of(kConfig),
          .leader = reader.leader(),
          .status = reader.status(),
          .members = reader.members(),
          .failover = reader.failover(),
          .sync = reader.sync(),
          .history = reader.history(),
          .failsafe = reader.failsafe(),
          .claim = reader.claim(),
          .stopping = reader.stopping(),
          .routers = reader.routers()};
}

void Layout::amend(ClusterView& view, std::string_view key,
                   const std::map<std::string, KeyValue>& entries) const {
  if (!key.starts_with(prefix_)) return;
  const LayoutReader reader{*this, entries};
  const auto leaf = key.substr(prefix_.size());
  if (leaf.starts_with(kMembers)) {
    const NodeName name(leaf.substr(kMembers.size()));
    if (!is_member_name(name)) return;
    const auto* entry = reader.find(leaf);
    if (entry == nullptr) {
      view.members.erase(name);
    } else {
      view.members[name] = reader.member(name, *entry);
    }
  } else if (leaf == kStatus || leaf == kLegacyOptime) {
    view.status = reader.status();
  } else if (leaf == kLeader) {
    view.leader = reader.leader();
  } else if (leaf == kConfig) {
    view.config = reader.config(view.config);
    view.config_revision = reader.revision_of(kConfig);
  } else if (leaf == kInitialize) {
    view.initialize = reader.initialize();
  } else if (leaf == kFailover) {
    view.failover = reader.failover();
  } else if (leaf == kSync) {
    view.sync = reader.sync();
  } else if (leaf == kHistory) {
    view.history = reader.history();
  } else if (leaf == kFailsafe) {
    view.failsafe = reader.failsafe();
  } else if (leaf == kTimeline) {
    view.claim = reader.claim();
  } else if (leaf == kStopping) {
    view.stopping = reader.stopping();
  } else if (leaf.starts_with(kRouters)) {
    view.routers = reader.routers();
  }
}

std::optional<Transaction> Layout::transaction(const Step& step) const {
  return std::visit(Writer{*this, self_}, step);
}

}  // namespace pgherd
