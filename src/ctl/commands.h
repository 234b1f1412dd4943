// The commands (Patroni, patronictl). Each gets its options as values, talks through the CtlContext
// and gives the exit code: 0 when what was asked for was done, 1 when it was not. Throws CtlError
// (errors.h) for what ends it early. `cluster` and `members`: read_named (context.h). Other than
// patronictl, a refusal by a member is a failure for the shell too.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "ctl/context.h"
#include "ctl/selection.h"
#include "ctl/table.h"

namespace pgherd::ctl {

struct WatchOptions {
  bool is_on = false;             // -W: every two seconds
  std::optional<double> seconds;  // -w: wins over -W
};
// Runs `once`, again and again if a watch was asked for, each turn `seconds` after the last began.
// In a watch a CtlError is shown and the next turn may do better.
int run_watched(CtlContext& context, const WatchOptions& watch, const std::function<void()>& once);

struct ListOptions {
  std::vector<std::string> clusters;
  bool is_extended = false;
  bool with_timestamp = false;
  Format format = Format::Pretty;
  MemberLayout layout = MemberLayout::List;
  WatchOptions watch;
};
int list_members(CtlContext& context, const ListOptions& options);

struct DoctorOptions {
  std::optional<std::string> cluster;
  bool with_hosts = false;  // also what their hosts could give the members better
  Format format = Format::Pretty;
};
// 1 if there is a problem (diagnosis.h).
int doctor(CtlContext& context, const DoctorOptions& options);

struct HandoverOptions {
  std::optional<std::string> cluster;
  std::optional<std::string> leader;  // switchover only
  std::optional<std::string> candidate;
  std::optional<std::string> scheduled;  // switchover only
  bool force = false;
};
int switchover(CtlContext& context, const HandoverOptions& options);
int failover(CtlContext& context, const HandoverOptions& options);

struct RestartOptions {
  std::optional<std::string> cluster;
  std::vector<std::string> members;
  std::optional<RoleFilter> role;
  bool any_one = false;
  std::optional<std::string> scheduled;
  std::optional<std::string> pg_version;
  bool only_pending = false;
  std::optional<std::string> timeout;
  bool force = false;
};
int restart(CtlContext& context, const RestartOptions& options);

struct MembersOptions {
  std::optional<std::string> cluster;
  std::vector<std::string> members;
  std::optional<RoleFilter> role;
  bool force = false;
};
int reload(CtlContext& context, const MembersOptions& options);

struct ReinitOptions {
  std::optional<std::string> cluster;
  std::vector<std::string> members;
  bool force = false;
  bool from_leader = false;
  bool wait = false;
};
int reinit(CtlContext& context, const ReinitOptions& options);

struct PauseOptions {
  std::optional<std::string> cluster;
  bool wait = false;
};
int pause(CtlContext& context, const PauseOptions& options);
int resume(CtlContext& context, const PauseOptions& options);

// Other than for a switchover, nothing but the configuration changes; both wait until the cluster
// is what was asked for.
struct DemoteClusterOptions {
  std::optional<std::string> cluster;
  std::optional<std::string> host;
  std::optional<int> port;
  std::optional<std::string> restore_command;
  std::optional<std::string> primary_slot_name;
  bool force = false;
};
int demote_cluster(CtlContext& context, const DemoteClusterOptions& options);
struct PromoteClusterOptions {
  std::optional<std::string> cluster;
  bool force = false;
};
int promote_cluster(CtlContext& context, const PromoteClusterOptions& options);

int show_config(CtlContext& context, const std::optional<std::string>& cluster);

struct EditConfigOptions {
  std::optional<std::string> cluster;
  bool is_quiet = false;
  std::vector<std::string> set;  // "a.b=V"
  std::vector<std::string> pg;   // "name=V": postgresql.parameters.name=V
  std::optional<std::string> apply_file;
  std::optional<std::string> replace_file;
  bool force = false;
};
int edit_config(CtlContext& context, const EditConfigOptions& options);

struct HistoryOptions {
  std::optional<std::string> cluster;
  Format format = Format::Pretty;
};
int history(CtlContext& context, const HistoryOptions& options);

struct OneMemberOptions {
  std::optional<std::string> cluster;
  std::optional<RoleFilter> role;
  std::optional<std::string> member;
};
// The first member that fits; CtlError when both role and member are given.
[[nodiscard]] std::optional<HostPort> address_of(const ClusterView& view,
                                                 const OneMemberOptions& options);
int dsn(CtlContext& context, const OneMemberOptions& options);

struct VersionOptions {
  std::string program;
  std::optional<std::string> cluster;  // never the configuration's scope
  std::vector<std::string> members;
};
int version(CtlContext& context, const VersionOptions& options);
// The first line alone; needs no store.
int print_version(Console& console, const std::string& program);

struct RemoveOptions {
  std::optional<std::string> cluster;
  Format format = Format::Pretty;
};
int remove_cluster(CtlContext& context, const RemoveOptions& options);

enum class FlushTarget { Restart, Switchover };
struct FlushOptions {
  MembersOptions members;
  FlushTarget target{};
};
int flush(CtlContext& context, const FlushOptions& options);

struct QueryOptions {
  OneMemberOptions member;
  Format format = Format::Tsv;
  std::optional<std::string> file;
  std::optional<std::string> command;
  bool asks_password = false;
  std::optional<std::string> username;
  std::optional<std::string> database;
  std::string delimiter = "\t";
  WatchOptions watch;
};
int query(CtlContext& context, const QueryOptions& options);

}  // namespace pgherd::ctl
