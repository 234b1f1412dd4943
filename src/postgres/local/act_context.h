// ActContext: what every act works with: the configuration, the server process, programs and
// queries. An act is a coroutine on the hands' loop that takes the ActContext and a control through
// which it can be ended.
//
// Threads: the hands' loop, except that work on large directories is handed to `disk`.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <type_traits>
#include <vector>

#include "model/agent_config.h"
#include "postgres/instance.h"
#include "postgres/launcher.h"
#include "postgres/local/data_directory.h"
#include "postgres/local/divergence.h"
#include "postgres/local/failure.h"
#include "postgres/local/postmaster.h"
#include "postgres/local/scripts.h"
#include "postgres/local/server_settings.h"
#include "postgres/local/session.h"
#include "postgres/local/upstream_address.h"
#include "runtime/name_lookup.h"
#include "steps/step.h"

namespace pgherd {

// The files that the server's own TLS goes by, with their whole paths; "": none, or no TLS.
struct ServerCertificates {
  std::string cert_file;
  std::string ca_file;
  bool operator==(const ServerCertificates&) const = default;
};

struct LocalOptions {
  // Where the server's stderr goes: it outlives the agent, so it cannot be the agent's own. "": a
  // file pgherd_postmaster.log in the data directory. With logging_collector it stays nearly empty.
  std::string server_log;
  // Starts the server, called on the owner's loop. Nothing (tests): the server is started as a
  // child of this process, and goes on when that ends.
  Launch launch = {};
  // Answers for the name server, in threads of its own. Nothing: the system's.
  NameLookup::Ask ask_names = {};
  // Told on the owner's loop each time that the server has read its configuration. May be absent.
  std::function<void(ServerCertificates)> on_certificates = {};
};

struct ActContext {
  boost::asio::any_io_executor loop;
  boost::asio::thread_pool& disk;
  std::string scope;
  NodeName self;
  // Replaced as a whole by a reload; an act keeps the one that it began with.
  std::shared_ptr<const PostgresConfig> config;
  std::optional<BootstrapConfig> bootstrap;
  LocalOptions options;
  std::unique_ptr<Postmaster> postmaster;
  std::unique_ptr<Callbacks> callbacks;

  // A copy or initdb fills the directory: to the outside it is still missing.
  bool is_filling_directory = false;
  struct CopyUnderWay {
    CopyProgress progress;
    Instant began;
    Instant tell_at;
  };
  std::optional<CopyUnderWay> copy;
  // A cluster is made from what the directory has been filled with: that it is marked as unfinished
  // is our own doing.
  bool is_making_cluster = false;
  // The server is ours alone, nobody can ask it: to the outside it is starting.
  bool is_server_private = false;
  ParameterMap wanted;            // the parameters that were last written or started with
  std::set<std::string> refused;  // parameters that this server does not take
  std::set<std::string> refused_in_recovery;  // likewise, of the recovery section
  // The text of both that was last found good.
  std::string validated;
  std::string validated_recovery;
  UpstreamAddress upstream_address;
  // The managed value of synchronous_standby_names, nullopt: the operator's. Of an earlier agent
  // until it has been read (sync_names_of).
  std::optional<std::string> sync_names;
  bool are_sync_names_known = false;
  // The value that every process is known to have read, in which postmaster, and a position that
  // was written after that.
  struct InForce {
    std::int64_t pid = 0;
    std::string text;
    Lsn since;
    bool commits_wait = false;  // the checkpointer lets them
  } in_force;
  bool are_files_taken = false;   // prepare_files writes them
  bool is_bootstrapping = false;  // nothing is called back
  // With which the server was started here: applying it once more is no reload to speak of.
  std::shared_ptr<const PostgresConfig> started_with;
  // What the last comparison found to be here only.
  std::optional<Fork> fork;
  // What there was in it: told also when it is gone from here.
  std::optional<DivergedWal> diverged;
  // The script that may refuse a promotion has let this one pass; it is not asked again.
  struct PrePromotePassed {
    Timeline timeline;
    Instant until;
  };
  std::optional<PrePromotePassed> pre_promote_passed;
  std::string known_program;  // postgres, of `known_major`
  int known_major = 0;

  [[nodiscard]] std::string program(const std::string& name) const;
  [[nodiscard]] std::string server_log() const;
  [[nodiscard]] DirectoryLook look_at_directory() const;
};

// What an act has to say when it succeeded.
using Done = Answer<std::string>;
using Act = boost::asio::awaitable<Done>;

// Runs blocking work in the disk's thread.
template <typename Work>
boost::asio::awaitable<std::invoke_result_t<Work>> on_disk(ActContext& context, Work work) {
  auto job = [](Work run) -> boost::asio::awaitable<std::invoke_result_t<Work>> {
    co_return run();
  };
  co_return co_await boost::asio::co_spawn(context.disk.get_executor(), job(std::move(work)),
                                           boost::asio::use_awaitable);
}

// Runs a program to its end; cancelling ends its process group. `meanwhile` is called every few
// milliseconds. Fails when it could not be started, was cancelled, or did not succeed: then with
// the end of what it said, and advice where the words are known. `how_it_ended`, if given, is
// filled when the program ran, whatever came of it; it must outlive the call.
[[nodiscard]] boost::asio::awaitable<Answer<ProcessEnd>> run_tool(
    ActContext& context, const ActControl& control, ProcessSpec spec,
    std::function<void()> meanwhile = {}, ProcessEnd* how_it_ended = nullptr);

// Asks the local server as the superuser; the statement may take `timeout`. The session is opened
// if it is not, and stays open unless something went wrong.
[[nodiscard]] boost::asio::awaitable<Result<std::vector<Rows>, QueryError>> ask_in(
    PgSession& session, ActContext& context, ActControl& control, std::string sql, Duration timeout,
    std::string database = {});  // "": the configured one
// The same in a session of its own.
[[nodiscard]] boost::asio::awaitable<Result<std::vector<Rows>, QueryError>> ask_local(
    ActContext& context, ActControl& control, std::string sql, Duration timeout,
    std::string database = {});

// The major version of the configured binaries.
[[nodiscard]] boost::asio::awaitable<Answer<int>> binary_version(ActContext& context,
                                                                 const ActControl& control);

// Writes all files for running as a primary (no upstream) or a standby, leaves out what the server
// does not take. What the configuration says for one role only is taken for the role that belongs
// to the upstream, or for `next_role`. Returns the parameters to start with.
[[nodiscard]] boost::asio::awaitable<Answer<ParameterMap>> prepare_files(
    ActContext& context, const ActControl& control, std::optional<Upstream> upstream,
    std::optional<ServerRole> next_role = {});

// prepare_files wrote for it; starts the server, not after the end of the lease that the act is
// held to, and waits until it accepts connections.
[[nodiscard]] boost::asio::awaitable<Attempt> start_server(ActContext& context,
                                                           const ActControl& control,
                                                           ParameterMap parameters,
                                                           Instant deadline,
                                                           std::function<Attempt()> may_start);

// Stops a standby, does `at_rest` in the disk's thread, and starts it again as the standby that it
// was, whatever became of that. Fails if either has.
[[nodiscard]] boost::asio::awaitable<Attempt> restart_standby(ActContext& context,
                                                              ActControl& control,
                                                              std::function<Attempt()> at_rest);

// Whether a copy is begun by a command that goes on with what an earlier one, or the data before
// it, has left in the directory (keep_data). Such a directory, marked as unfinished, counts as
// empty.
[[nodiscard]] bool begins_with_what_is_there(const PostgresConfig& config);

// What SetSyncNames wrote last, also if an earlier agent did.
[[nodiscard]] const std::optional<std::string>& sync_names_of(ActContext& context);

// The upstream that the written recovery section points at.
[[nodiscard]] Upstream written_upstream(const PostgresConfig& config);

[[nodiscard]] std::string last_lines(const std::string& text, std::size_t lines);

// Of a line with which pg_basebackup or pg_rewind says how far it is, "123/4567 kB (2%), 0/1
// tablespace": copied and in all, in bytes.
struct ToolProgress {
  std::uint64_t copied_bytes = 0;
  std::uint64_t total_bytes = 0;
};
[[nodiscard]] std::optional<ToolProgress> parse_tool_progress(std::string_view line);

// ---- The acts
// ------------------------------------------------------------------------------------ One function
// for each step of steps/step.h. The file says which.

Act act_bootstrap(ActContext& context, ActControl& control);  // bootstrap.cc
Act act_set_aside(ActContext& context, ActControl& control,
                  SetAsideDataDirectory step);  // copying.cc
Act act_clone(ActContext& context, ActControl& control, CloneFrom step);
Act act_remove_directory(ActContext& context, ActControl& control, RemoveDataDirectory step);
Act act_start_primary(ActContext& context, ActControl& control, StartPrimary step);  // running.cc
Act act_start_standby(ActContext& context, ActControl& control, StartStandby step);
Act act_follow(ActContext& context, ActControl& control, Follow step);
Act act_restart(ActContext& context, ActControl& control, Restart step);
Act act_stop(ActContext& context, ActControl& control, Stop step, std::function<void()> shut_down);
Act act_demote(ActContext& context, ActControl& control, Demote step,
               std::function<void()> shut_down);
Act act_promote(ActContext& context, ActControl& control, Promote step);
Act act_examine(ActContext& context, ActControl& control, ExamineDivergence step,  // rewinding.cc
                DivergenceSeen& seen);
Act act_rewind(ActContext& context, ActControl& control, Rewind step);
Act act_copy_slots(ActContext& context, ActControl& control, CopySlots step);  // logical_slots.cc
Act act_keep_slots(ActContext& context, ActControl& control, KeepSlots step);  // small_acts.cc
Act act_checkpoint(ActContext& context, ActControl& control);
Act act_resume_replay(ActContext& context, ActControl& control);
Act act_wake_receiver(ActContext& context, ActControl& control, WakeReceiver step);
Act act_apply_configuration(ActContext& context, ActControl& control, ApplyConfiguration step);
Act act_set_sync_names(ActContext& context, ActControl& control,
                       SetSyncNames step);  // sync_names.cc

}  // namespace pgherd
