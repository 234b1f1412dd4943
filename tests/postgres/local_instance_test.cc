// The real PostgreSQL: what a node lives through from its first day to its rewind.
#include "postgres/local/local_instance.h"

#include <gtest/gtest.h>

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <memory>
#include <sstream>
#include <thread>

#include "postgres/local/postmaster_pid.h"
#include "postgres/local_machine.h"
#include "runtime/asio_clock.h"
#include "runtime/process_identity.h"
#include "runtime/unique_fd.h"

namespace pgherd {
namespace {

using test::Node;

Instant in_an_hour() {
  return boottime_now() + 3600s;
}

// Kept in the test's report (--gtest_output); not judged.
class Stopwatch {
 public:
  [[nodiscard]] int milliseconds() const {
    return static_cast<int>(
        std::chrono::duration_cast<Milliseconds>(boottime_now() - begun_).count());
  }

 private:
  Instant begun_ = boottime_now();
};

bool runs_as_primary(const InstanceView& view) {
  return view.is_running_primary();
}
bool streams(const InstanceView& view) {
  return view.is_running_standby() && view.is_streaming;
}

class RealPostgres : public testing::Test {
 protected:
  void SetUp() override {
    if (test::any_bin_dir().empty()) GTEST_SKIP() << "no PostgreSQL is installed";
  }
  [[nodiscard]] std::unique_ptr<Node> a_node(const std::string& name) const {
    return std::make_unique<Node>(name, root.path(), test::any_bin_dir());
  }
  static void expect_done(const ActResult& result) {
    EXPECT_EQ(result.outcome, ActOutcome::Done) << result.detail;
  }
  // One folder, described, and what its description says to do shows the transactions.
  static void expect_kept(const Node& node, const std::string& transactions, int commits,
                          const std::string& detail) {
    namespace fs = std::filesystem;
    const fs::path all = node.config.data_dir + ".diverged";
    ASSERT_TRUE(fs::is_directory(all)) << detail;
    const fs::path kept = fs::directory_iterator(all)->path();
    EXPECT_EQ(std::distance(fs::directory_iterator(all), fs::directory_iterator()), 1);
    EXPECT_NE(detail.find("is kept in " + kept.string()), std::string::npos) << detail;
    std::stringstream text;
    text << std::ifstream(kept / "diverged.txt").rdbuf();
    EXPECT_NE(text.str().find(transactions), std::string::npos) << text.str();
    const std::string said = "Read it with: ";
    const auto at = text.str().find(said);
    ASSERT_NE(at, std::string::npos) << text.str();
    EXPECT_EQ(commits_shown_by(test::any_bin_dir() + "/" + text.str().substr(at + said.size())),
              commits);
  }
  // What an operator is told of it who asks the node.
  static void expect_shown(Node& node, Timeline timeline, std::uint64_t commits,
                           const std::string& kept_below) {
    const auto shown = node.observe().diverged;
    ASSERT_TRUE(shown && shown->counted);
    EXPECT_EQ(shown->timeline, timeline);
    EXPECT_LE(shown->from, shown->counted->from);  // the first record may follow a page's header
    EXPECT_LT(shown->from, shown->counted->to);
    EXPECT_EQ(shown->counted->commits, commits);
    EXPECT_EQ(shown->kept_in.substr(0, kept_below.size()), kept_below);
    EXPECT_EQ(shown->kept_in.empty(), kept_below.empty());
  }
  static int commits_shown_by(std::string command) {
    while (command.ends_with('\n'))
      command.pop_back();
    FILE* shown = ::popen((command + " 2>/dev/null | grep -c 'desc: COMMIT'").c_str(), "r");
    int commits = -1;
    EXPECT_EQ(std::fscanf(shown, "%d", &commits), 1) << command;
    ::pclose(shown);
    return commits;
  }
  static void bootstrap(Node& node) {
    const ActResult result = node.perform(Bootstrap{});
    ASSERT_EQ(result.outcome, ActOutcome::Done) << result.detail;
  }
  // `standby` becomes a streaming copy of `primary`.
  static void clone(Node& standby, Node& primary) {
    expect_done(primary.perform(KeepSlots{.wanted = {{.name = standby.name()}}}));
    expect_done(standby.perform(CloneFrom{primary.as_upstream()}));
    expect_done(standby.perform(StartStandby{primary.as_upstream(standby.name())}));
    standby.observe_until(streams);
  }
  // Until the standby has replayed all that the primary has written.
  static void catch_up(Node& standby, Node& primary) {
    const Lsn end = primary.observe().flushed;
    standby.observe_until([&](const InstanceView& view) { return !(view.replayed < end); });
  }
  test::TemporaryDirectory root;
};

TEST_F(RealPostgres, BootstrapEndsWithAPrimaryAndItsRoles) {
  auto pg0 = a_node("pg0");
  EXPECT_EQ(pg0->observe().data_directory, DataDirectory::Missing);
  bootstrap(*pg0);
  const InstanceView view = pg0->observe();
  EXPECT_TRUE(view.is_running_primary());
  EXPECT_EQ(view.data_directory, DataDirectory::Valid);
  EXPECT_EQ(view.timeline, Timeline{1});
  EXPECT_TRUE(view.flushed.is_known());
  EXPECT_GE(view.server_version, 150000);
  EXPECT_EQ(view.control->system_id, pg0->sql("select system_identifier from pg_control_system()"));
  EXPECT_TRUE(view.pending_restart.empty());
  EXPECT_EQ(view.history, std::vector<HistoryRow>{});

  EXPECT_EQ(pg0->login_problem("replicator", "rep:secret"), "");
  EXPECT_EQ(pg0->login_problem("rewinder", "rew secret"), "");
  EXPECT_NE(pg0->login_problem("replicator", "wrong"), "");
  EXPECT_EQ(pg0->sql("select count(*) from pg_authid where rolpassword like 'SCRAM-SHA-256$%'"),
            "3");
  EXPECT_EQ(pg0->sql("select has_function_privilege('rewinder', 'pg_read_binary_file(text)', "
                     "'execute')"),
            "t");
  EXPECT_NE(pg0->perform(Bootstrap{}).outcome, ActOutcome::Done);
}

// The socket is not where libpq looks by itself, and the server wants a password there.
TEST_F(RealPostgres, AScriptAfterBootstrapComesInByTheSocketAsByTcp) {
  for (const bool by_socket : {true, false}) {
    auto pg0 = a_node(by_socket ? "pg0" : "pg1");
    pg0->config.use_unix_socket = by_socket;
    pg0->post_bootstrap = "/bin/sh -c \"" + test::any_bin_dir() +
                          "/psql -w -v ON_ERROR_STOP=1 -c 'create table made_by as "
                          "select inet_client_addr() is null as by_socket' \\\"$1\\\"\" sh";
    bootstrap(*pg0);
    EXPECT_EQ(pg0->sql("select by_socket from made_by"), by_socket ? "t" : "f");
  }
}

TEST_F(RealPostgres, AScriptAfterBootstrapIsCalledWithoutAShell) {
  auto pg0 = a_node("pg0");
  const std::string said = root.path() + "/said";
  pg0->post_bootstrap = "/bin/sh -c 'echo \"$0\" > " + said + "' $HOME;";
  bootstrap(*pg0);
  std::string word;
  std::ifstream(said) >> word;
  EXPECT_EQ(word, "$HOME;");
}

TEST_F(RealPostgres, TheServerDecidesHowPasswordsAreKept) {
  auto pg0 = a_node("pg0");
  pg0->config.parameters["password_encryption"] = "md5";
  pg0->config.pg_hba = {"local all all md5", "host all all 127.0.0.1/32 md5"};
  bootstrap(*pg0);
  EXPECT_EQ(pg0->sql("select count(*) from pg_authid where rolpassword like 'md5%'"), "3");
  EXPECT_EQ(pg0->login_problem("replicator", "rep:secret"), "");
}

TEST_F(RealPostgres, ALoginWithoutAPasswordHasItsPasswordsWhereLibpqLooks) {
  auto pg0 = a_node("pg0");
  auto pg1 = a_node("pg1");
  bootstrap(*pg0);
  pg1->config.replication.password = "";
  pg1->config.create_replica_methods = {"own"};
  pg1->config.replica_methods["own"].command.words = {
      "/bin/sh", "-c", "echo \"$PGPASSFILE\" > " + root.path() + "/said", "sh"};
  EXPECT_EQ(pg1->perform(CloneFrom{pg0->as_upstream()}).outcome, ActOutcome::Failed) << "no copy";
  std::string said;
  ASSERT_TRUE(std::getline(std::ifstream(root.path() + "/said"), said));
  EXPECT_EQ(said, std::getenv("PGPASSFILE") == nullptr ? "" : std::getenv("PGPASSFILE"));
}

TEST_F(RealPostgres, AStandbyIsAskedForACheckpointBeforeItIsRestarted) {
  auto pg0 = a_node("pg0");
  auto pg1 = a_node("pg1");
  bootstrap(*pg0);
  clone(*pg1, *pg0);
  pg0->sql("create table t(a int)");
  expect_done(pg0->perform(Checkpoint{}));
  catch_up(*pg1, *pg0);
  expect_done(pg1->perform(Restart{}));
  std::stringstream log;
  log << std::ifstream(pg1->config.data_dir + "/pgherd_postmaster.log").rdbuf();
  // "immediate wait" up to PostgreSQL 17, "fast wait" after; that of the shutdown has no waiter.
  EXPECT_NE(log.str().find(" wait\n"), std::string::npos) << log.str();
}

TEST_F(RealPostgres, AFailedPostBootstrapLeavesAnEmptyPlaceAndTheRemainsAside) {
  auto pg0 = a_node("pg0");
  pg0->config.replication.username = "";  // what make_roles cannot do without
  const ActResult result = pg0->perform(Bootstrap{});
  EXPECT_EQ(result.outcome, ActOutcome::Failed);
  EXPECT_NE(result.detail.find("replication.username"), std::string::npos);
  const InstanceView view = pg0->observe();
  EXPECT_EQ(view.data_directory, DataDirectory::Missing);
  EXPECT_EQ(view.process, ProcessState::Stopped);
  EXPECT_TRUE(std::filesystem::exists(pg0->config.data_dir + ".failed/PG_VERSION"));
}

TEST_F(RealPostgres, AKilledPostmasterIsToldByItselfAndStartedInPlace) {
  auto pg0 = a_node("pg0");
  bootstrap(*pg0);
  pg0->sql("create table t as select 1 as a");
  const InstanceView before = pg0->observe();
  pg0->changes.clear();
  const Stopwatch since_kill;
  ASSERT_EQ(::kill(static_cast<pid_t>(before.postmaster_pid), SIGKILL), 0);
  pg0->wait_until([&] { return !pg0->changes.empty(); });
  RecordProperty("told_after_milliseconds", since_kill.milliseconds());
  EXPECT_EQ(pg0->changes.front().process, ProcessState::Stopped);
  EXPECT_EQ(pg0->changes.front().control->state, ControlState::InProduction);

  expect_done(pg0->perform(StartPrimary{in_an_hour()}));
  RecordProperty("started_after_milliseconds", since_kill.milliseconds());
  const InstanceView after = pg0->observe();
  EXPECT_TRUE(after.is_running_primary());
  EXPECT_EQ(after.timeline, Timeline{1});
  EXPECT_NE(after.postmaster_pid, before.postmaster_pid);
  EXPECT_EQ(pg0->sql("select a from t"), "1");
}

TEST_F(RealPostgres, NoPrimaryIsStartedOrMadeAfterTheLease) {
  auto pg0 = a_node("pg0");
  bootstrap(*pg0);
  expect_done(pg0->perform(Stop{StopMode::Fast}));
  EXPECT_EQ(pg0->perform(StartPrimary{boottime_now()}).outcome, ActOutcome::Failed);
  EXPECT_EQ(pg0->observe().process, ProcessState::Stopped);

  expect_done(pg0->perform(StartStandby{}));
  EXPECT_EQ(pg0->perform(Promote{boottime_now()}).outcome, ActOutcome::Failed);
  EXPECT_TRUE(pg0->observe().is_running_standby());
  EXPECT_FALSE(std::filesystem::exists(pg0->config.data_dir + "/promote"));
}

TEST_F(RealPostgres, ASecondAgentAdoptsWhatTheFirstLeftRunning) {
  auto pg0 = a_node("pg0");
  bootstrap(*pg0);
  const InstanceView before = pg0->observe();
  pg0->close();
  ASSERT_TRUE(find_postmaster(pg0->config.data_dir).found);

  const InstanceView after = pg0->observe();
  EXPECT_TRUE(after.is_running_primary());
  EXPECT_EQ(after.postmaster_pid, before.postmaster_pid);
  pg0->changes.clear();
  ASSERT_EQ(::kill(static_cast<pid_t>(after.postmaster_pid), SIGKILL), 0);
  pg0->wait_until([&] { return !pg0->changes.empty(); });
  EXPECT_EQ(pg0->changes.front().process, ProcessState::Stopped);
}

TEST_F(RealPostgres, AGracefulSwitchoverNeedsNoRewind) {
  auto pg0 = a_node("pg0");
  auto pg1 = a_node("pg1");
  bootstrap(*pg0);
  clone(*pg1, *pg0);
  const InstanceView standby = pg1->observe();
  EXPECT_EQ(standby.upstream.port, std::to_string(pg0->config.listen.port));
  EXPECT_EQ(standby.upstream.slot, "pg1");
  EXPECT_EQ(standby.timeline, Timeline{1});
  const InstanceView primary = pg0->observe();
  ASSERT_EQ(primary.wal_senders.size(), 1U);
  EXPECT_EQ(primary.wal_senders[0].application_name, "pg1");
  ASSERT_EQ(primary.slots.size(), 1U);
  EXPECT_TRUE(primary.slots[0].is_active);

  pg0->changes.clear();
  const Stopwatch since_demote;
  expect_done(pg0->perform(Demote{DemoteMode::Graceful}));
  RecordProperty("demoted_after_milliseconds", since_demote.milliseconds());
  pg0->wait_until([&] {
    for (const InstanceView& view : pg0->changes)
      if (view.control && view.control->state == ControlState::ShutDown) return true;
    return false;
  });
  const Stopwatch since_promote;
  expect_done(pg1->perform(Promote{in_an_hour()}));
  RecordProperty("promoted_after_milliseconds", since_promote.milliseconds());
  const InstanceView promoted = pg1->observe();
  EXPECT_TRUE(promoted.is_running_primary());
  EXPECT_EQ(promoted.timeline, Timeline{2});
  ASSERT_TRUE(promoted.history);
  EXPECT_EQ(promoted.history->size(), 1U);

  expect_done(pg1->perform(Checkpoint{}));
  const ActResult examined = pg0->perform(ExamineDivergence{pg1->as_upstream()});
  ASSERT_TRUE(examined.divergence);
  EXPECT_EQ(examined.divergence->verdict, Divergence::None) << examined.detail;
  EXPECT_EQ(examined.divergence->source_timeline, Timeline{2});
  expect_done(pg1->perform(KeepSlots{.wanted = {{.name = "pg0"}}}));
  expect_done(pg0->perform(StartStandby{pg1->as_upstream("pg0")}));
  const InstanceView back = pg0->observe_until(
      [](const InstanceView& view) { return streams(view) && view.timeline == Timeline{2}; });
  EXPECT_EQ(back.upstream.slot, "pg0");
}

// The second of one name comes, as a member's own would, after it was looked which slots there are.
TEST_F(RealPostgres, ASlotThatAMemberHasMadeForItselfMeanwhileIsAsItShouldBe) {
  auto pg0 = a_node("pg0");
  bootstrap(*pg0);
  expect_done(pg0->perform(KeepSlots{.wanted = {{.name = "pg1"}, {.name = "pg1"}}}));
  EXPECT_EQ(pg0->sql("select string_agg(slot_name, ',') from pg_replication_slots"), "pg1");
}

// The interval is so long that nothing but the reload can bring it back within the test's time.
TEST_F(RealPostgres, AReceiverThatIsWokenConnectsAtOnce) {
  auto pg0 = a_node("pg0");
  auto pg1 = a_node("pg1");
  pg1->config.parameters["wal_retrieve_retry_interval"] = "1h";
  bootstrap(*pg0);
  clone(*pg1, *pg0);
  expect_done(pg0->perform(Stop{StopMode::Fast}));
  pg1->observe_until([](const InstanceView& view) { return !view.is_streaming; });
  // Its first attempt, which is made at once, has failed by then.
  const std::string log = pg1->config.data_dir + "/pgherd_postmaster.log";
  pg1->wait_until([&] {
    std::ifstream file(log);
    const std::string text((std::istreambuf_iterator<char>(file)), {});
    return text.find("could not connect to the primary") != text.npos;
  });
  expect_done(pg0->perform(StartPrimary{in_an_hour()}));
  const Stopwatch since_wake;
  expect_done(pg1->perform(WakeReceiver{.upstream = pg0->as_upstream("pg1")}));
  pg1->observe_until(streams);
  RecordProperty("streams_after_milliseconds", since_wake.milliseconds());
}

LookupResult addresses(const std::vector<const char*>& texts) {
  HostAddresses made;
  for (const char* text : texts)
    made.push_back(boost::asio::ip::make_address(text));
  return made;
}

std::string written_conninfo(Node& node) {
  return node.sql("select current_setting('primary_conninfo')");
}

// The name is known to the agent alone: PostgreSQL, which would wait for its name server, and a
// promotion with it, needs nobody for the address.
TEST_F(RealPostgres, AStandbyNeedsNoNameServerForTheAddressOfItsUpstream) {
  auto pg0 = a_node("pg0");
  auto pg1 = a_node("pg1");
  bootstrap(*pg0);
  clone(*pg1, *pg0);
  pg1->names_mean(addresses({"127.0.0.1"}));
  Upstream named = pg0->as_upstream("pg1");
  named.host = "pg0.invalid";
  expect_done(pg1->perform(Follow{named}));
  EXPECT_NE(written_conninfo(*pg1).find("hostaddr=127.0.0.1"), std::string::npos);
  EXPECT_EQ(pg1->observe_until(streams).upstream.host, "pg0.invalid");
  // What writes the files for another reason leaves the address as it is, also a new agent.
  pg1->close();
  pg1->names_mean(fail(NameError{.kind = NameErrorKind::NoAnswer, .text = "nobody may be asked"}));
  expect_done(pg1->perform(SetSyncNames{.text = "pg2"}));
  EXPECT_NE(written_conninfo(*pg1).find("hostaddr=127.0.0.1"), std::string::npos);
}

TEST_F(RealPostgres, AnUpstreamThatHasMovedIsFoundAndAWrongAddressIsLeftOut) {
  auto pg0 = a_node("pg0");
  auto pg1 = a_node("pg1");
  bootstrap(*pg0);
  clone(*pg1, *pg0);
  Upstream named = pg0->as_upstream("pg1");
  named.host = "pg0.invalid";
  pg1->names_mean(addresses({"127.0.0.2"}));
  expect_done(pg1->perform(Follow{named}));  // where nobody listens
  pg1->observe_until([](const InstanceView& view) { return !view.is_streaming; });
  pg1->names_mean(addresses({"127.0.0.1"}));
  expect_done(pg1->perform(WakeReceiver{.upstream = named}));
  pg1->observe_until(streams);
  pg1->names_mean(addresses({"127.0.0.2"}));
  expect_done(pg1->perform(WakeReceiver{.upstream = named}));
  expect_done(pg1->perform(WakeReceiver{.upstream = named}));
  EXPECT_EQ(written_conninfo(*pg1).find("hostaddr"), std::string::npos) << "PostgreSQL asks itself";
}

TEST_F(RealPostgres, ANameWithSeveralAddressesStaysAName) {
  auto pg0 = a_node("pg0");
  auto pg1 = a_node("pg1");
  bootstrap(*pg0);
  clone(*pg1, *pg0);
  pg1->names_mean(addresses({"127.0.0.1", "::1"}));
  Upstream named = pg0->as_upstream("pg1");
  named.host = "localhost";
  expect_done(pg1->perform(Follow{named}));
  EXPECT_EQ(written_conninfo(*pg1).find("hostaddr"), std::string::npos);
  pg1->observe_until(streams);
}

TEST_F(RealPostgres, ACopyHasItsSlotBeforeItStarts) {
  auto pg0 = a_node("pg0");
  auto pg1 = a_node("pg1");
  bootstrap(*pg0);
  expect_done(pg1->perform(CloneFrom{pg0->as_upstream("pg1")}));
  const std::string slot =
      "select restart_lsn is not null from pg_replication_slots "
      "where slot_name = 'pg1' and slot_type = 'physical' and not active";
  EXPECT_EQ(pg0->sql(slot), "t");
  // One that is there already is none the worse for it.
  auto pg2 = a_node("pg2");
  expect_done(pg2->perform(CloneFrom{pg0->as_upstream("pg1")}));
  EXPECT_EQ(pg0->sql(slot), "t");
}

// A signal that PostgreSQL has not noticed is sent again: here it comes while the file is away.
TEST_F(RealPostgres, APromotionThatWasNotNoticedIsAskedForAgain) {
  auto pg0 = a_node("pg0");
  bootstrap(*pg0);
  expect_done(pg0->perform(Stop{StopMode::Fast}));
  expect_done(pg0->perform(StartStandby{}));
  const auto postmaster = static_cast<pid_t>(pg0->observe().postmaster_pid);
  const std::string request = pg0->config.data_dir + "/promote";
  ASSERT_EQ(::kill(postmaster, SIGSTOP), 0);
  pg0->begin(Promote{in_an_hour()});
  pg0->wait_until([&] { return std::filesystem::exists(request); });
  std::filesystem::remove(request);
  ASSERT_EQ(::kill(postmaster, SIGCONT), 0);
  // Whoever is let in comes after the signal.
  EXPECT_EQ(pg0->sql("select pg_is_in_recovery()"), "t");
  std::ofstream(request).close();
  const ActResult promoted = pg0->end_of_begun();
  expect_done(promoted);
  EXPECT_TRUE(pg0->observe().is_running_primary());
}

// An upstream that lets one in and says nothing.
class SilentUpstream {
 public:
  SilentUpstream() : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof address;
    auto* where = reinterpret_cast<sockaddr*>(&address);
    EXPECT_EQ(::bind(socket_.get(), where, length), 0);
    EXPECT_EQ(::listen(socket_.get(), 1), 0);
    EXPECT_EQ(::getsockname(socket_.get(), where, &length), 0);
    port_ = ntohs(address.sin_port);
  }
  [[nodiscard]] Upstream as_upstream() const {
    return {.name = "silent", .host = "127.0.0.1", .port = std::to_string(port_), .slot = ""};
  }
  bool has_let_in() {
    if (!held_.is_open()) held_.reset(::accept(socket_.get(), nullptr, nullptr));
    return held_.is_open();
  }
  void hang_up() {
    held_.reset();
    socket_.reset();
  }

 private:
  UniqueFd socket_;
  UniqueFd held_;
  int port_ = 0;
};

pid_t process_called(Node& node, const std::string& kind) {
  return std::stoi(
      node.sql("select pid from pg_stat_activity where backend_type = '" + kind + "'"));
}

// The moment in which it happens by itself is short: the request is taken up between two attempts
// to stream, while the WAL receiver is asked for and has not begun. Here the postmaster, which
// would begin it, stands still.
TEST_F(RealPostgres, APromotionDoesNotWaitForTheNextAttemptToStream) {
  auto pg0 = a_node("pg0");
  pg0->config.parameters["wal_retrieve_retry_interval"] = "1d";
  bootstrap(*pg0);
  expect_done(pg0->perform(Stop{StopMode::Fast}));
  SilentUpstream upstream;
  expect_done(pg0->perform(StartStandby{upstream.as_upstream()}));
  pg0->wait_until([&] { return upstream.has_let_in(); });
  const auto postmaster = static_cast<pid_t>(pg0->observe().postmaster_pid);
  const pid_t startup = process_called(*pg0, "startup");
  const pid_t receiver = process_called(*pg0, "walreceiver");
  const std::string request = pg0->config.data_dir + "/promote";
  ASSERT_EQ(::kill(postmaster, SIGSTOP), 0);
  upstream.hang_up();
  pg0->wait_until([&] {
    const auto status = process_status(receiver);
    return !status || status->has_ended();
  });
  pg0->begin(Promote{in_an_hour()});
  pg0->wait_until([&] { return std::filesystem::exists(request); });
  ASSERT_EQ(::kill(startup, SIGUSR2), 0);  // as the postmaster would
  pg0->wait_until([&] { return !std::filesystem::exists(request); });
  ASSERT_EQ(::kill(postmaster, SIGCONT), 0);
  expect_done(pg0->end_of_begun());
  EXPECT_TRUE(pg0->observe().is_running_primary());
}

TEST_F(RealPostgres, APromotionThatWasNotNoticedWithinTheLeaseIsWithdrawn) {
  auto pg0 = a_node("pg0");
  bootstrap(*pg0);
  expect_done(pg0->perform(Stop{StopMode::Fast}));
  expect_done(pg0->perform(StartStandby{}));
  const auto postmaster = static_cast<pid_t>(pg0->observe().postmaster_pid);
  const std::string request = pg0->config.data_dir + "/promote";
  ASSERT_EQ(::kill(postmaster, SIGSTOP), 0);
  pg0->begin(Promote{boottime_now() + 1s});
  const ActResult late = pg0->end_of_begun();
  EXPECT_EQ(late.outcome, ActOutcome::Failed) << late.detail;
  EXPECT_FALSE(std::filesystem::exists(request));
  ASSERT_EQ(::kill(postmaster, SIGCONT), 0);
  EXPECT_EQ(pg0->sql("select pg_is_in_recovery()"), "t");
  EXPECT_TRUE(pg0->observe().is_running_standby());
}

TEST_F(RealPostgres, AFormerPrimaryThatWentItsOwnWayIsRewound) {
  auto pg0 = a_node("pg0");
  auto pg1 = a_node("pg1");
  bootstrap(*pg0);
  pg0->sql("create table t(a int)");
  clone(*pg1, *pg0);
  catch_up(*pg1, *pg0);
  // The network parts them: pg1 is promoted while pg0 still writes, then pg0 is killed.
  // With a number that others have claimed in between.
  expect_done(pg1->perform(Promote{in_an_hour(), Timeline{5}}));
  EXPECT_EQ(pg1->observe().timeline, Timeline{5});
  pg1->sql("insert into t values (1)");
  pg0->sql("insert into t select 1000 from generate_series(1, 1000)");
  expect_done(pg0->perform(Demote{DemoteMode::ImmediateNoLock}));
  expect_done(pg1->perform(Checkpoint{}));

  const ActResult examined = pg0->perform(ExamineDivergence{pg1->as_upstream()});
  ASSERT_TRUE(examined.divergence);
  EXPECT_EQ(examined.divergence->verdict, Divergence::Diverged) << examined.detail;
  EXPECT_NE(examined.detail.find(", 1 commit, 0 aborts"), std::string::npos) << examined.detail;
  expect_shown(*pg0, Timeline{1}, 1, "");
  const ActResult rewound = pg0->perform(Rewind{pg1->as_upstream()});
  expect_done(rewound);
  EXPECT_NE(rewound.detail.find("diverged"), std::string::npos) << rewound.detail;
  expect_kept(*pg0, "1 commit, 0 aborts", 1, rewound.detail);
  expect_shown(*pg0, Timeline{1}, 1, pg0->config.data_dir + ".diverged/");
  expect_done(pg1->perform(KeepSlots{.wanted = {{.name = "pg0"}}}));
  expect_done(pg0->perform(StartStandby{pg1->as_upstream("pg0")}));
  pg0->observe_until(streams);
  catch_up(*pg0, *pg1);
  EXPECT_EQ(pg0->sql("select string_agg(a::text, ',') from t"), "1");
  // The configuration is its own again, not the source's that pg_rewind copied.
  EXPECT_EQ(pg0->sql("show port"), std::to_string(pg0->config.listen.port));
}

TEST_F(RealPostgres, ARewindTellsTheScriptsThatItStopsAStandby) {
  auto pg0 = a_node("pg0");
  auto pg1 = a_node("pg1");
  const std::string told = root.path() + "/told";
  const auto tells = [&](const char* word) {
    return CommandWords{"/bin/sh", "-c", "echo " + std::string(word) + " >> " + told};
  };
  const auto lines_told = [&] {
    std::ifstream file(told);
    std::vector<std::string> lines;
    for (std::string line; std::getline(file, line);)
      lines.push_back(line);
    return lines;
  };
  pg0->config.before_stop = tells("before_stop");
  pg0->config.callbacks[CallbackAction::OnStop] = tells("on_stop");
  bootstrap(*pg0);
  pg0->sql("create table t(a int)");
  clone(*pg1, *pg0);
  catch_up(*pg1, *pg0);
  expect_done(pg1->perform(Promote{in_an_hour(), Timeline{2}}));
  pg0->sql("insert into t values (1)");
  expect_done(pg0->perform(Demote{DemoteMode::ImmediateNoLock}));
  expect_done(pg1->perform(Checkpoint{}));
  expect_done(pg0->perform(StartStandby{}));
  pg0->wait_until([&] { return lines_told().size() == 2; });
  std::filesystem::remove(told);
  expect_done(pg0->perform(Rewind{pg1->as_upstream()}));
  pg0->wait_until([&] { return lines_told().size() == 2; });
  EXPECT_EQ(lines_told(), (std::vector<std::string>{"before_stop", "on_stop"}));
}

TEST_F(RealPostgres, ACopySaysHowFarItIs) {
  auto pg0 = a_node("pg0");
  auto pg1 = a_node("pg1");
  bootstrap(*pg0);
  pg1->config.basebackup = {{"max-rate", "8M"}};
  pg1->begin(CloneFrom{pg0->as_upstream()});
  const InstanceView during = pg1->observe_until(
      [](const InstanceView& view) { return view.copy && view.copy->copied_bytes > 0; });
  EXPECT_EQ(during.copy->from, "pg0");
  EXPECT_GT(during.copy->total_bytes, during.copy->copied_bytes);
  EXPECT_EQ(during.data_directory, DataDirectory::Missing);
  expect_done(pg1->end_of_begun());
  EXPECT_FALSE(pg1->observe().copy);
}

// What it has written is gone if it does not end well.
TEST_F(RealPostgres, ACopyConfirmsNoCommit) {
  auto pg0 = a_node("pg0");
  auto pg1 = a_node("pg1");
  bootstrap(*pg0);
  pg0->sql("alter system set synchronous_standby_names = 'pg1'");
  pg0->sql("select pg_reload_conf()");
  pg1->config.basebackup = {{"max-rate", "8M"}};
  pg1->begin(CloneFrom{pg0->as_upstream()});
  pg1->wait_until([&] {
    return pg0->sql("select count(*) from pg_stat_replication where state = 'streaming'") == "1";
  });
  EXPECT_EQ(pg0->sql("select sync_state from pg_stat_replication where state = 'streaming'"),
            "async");
  expect_done(pg1->end_of_begun());
}

TEST_F(RealPostgres, WhatOnlyADivergedMemberHasIsKeptWhenItsDataIsRemoved) {
  auto pg0 = a_node("pg0");
  auto pg1 = a_node("pg1");
  bootstrap(*pg0);
  pg0->sql("create table t(a int)");
  clone(*pg1, *pg0);
  catch_up(*pg1, *pg0);
  expect_done(pg1->perform(Promote{in_an_hour(), Timeline{2}}));
  for (int i = 0; i < 3; ++i)
    pg0->sql("insert into t values (1)");
  pg0->sql("select pg_switch_wal()");  // the log ends with a segment
  expect_done(pg0->perform(Demote{DemoteMode::ImmediateNoLock}));
  expect_done(pg0->perform(ExamineDivergence{pg1->as_upstream()}));
  const ActResult removed = pg0->perform(RemoveDataDirectory{.why = "it has diverged"});
  expect_done(removed);
  EXPECT_FALSE(std::filesystem::exists(pg0->config.data_dir + "/PG_VERSION"));
  expect_kept(*pg0, "3 commits, 0 aborts", 3, removed.detail);
  expect_shown(*pg0, Timeline{1}, 3, pg0->config.data_dir + ".diverged/");
}

TEST_F(RealPostgres, ProgramsAndFilesMayHaveOtherNames) {
  namespace fs = std::filesystem;
  const std::string bin = root.path() + "/bin";
  fs::create_directory(bin);
  for (const char* program : {"initdb", "pg_basebackup"})
    fs::create_symlink(test::any_bin_dir() + "/" + program, bin + "/my_" + program);
  const std::string arguments = root.path() + "/arguments";
  for (const std::string program : {"postgres", "pg_rewind"}) {
    const std::string script = bin + "/my_" + program;
    std::ofstream(script) << "#!/bin/sh\n"
                          << (program == "postgres" ? "" : "echo \"$@\" > " + arguments + "\n")
                          << "exec " << test::any_bin_dir() << "/" << program << " \"$@\"\n";
    fs::permissions(script, fs::perms::owner_all | fs::perms::group_exec | fs::perms::others_exec |
                                fs::perms::group_read | fs::perms::others_read);
  }
  const auto rename = [&](Node& node) {
    node.config.bin_dir = bin;
    node.config.config_base_name = "mine";
    for (const char* program : {"initdb", "pg_basebackup", "pg_rewind", "postgres"})
      node.config.bin_names[program] = std::string("my_") + program;
  };
  auto pg0 = a_node("pg0");
  auto pg1 = a_node("pg1");
  rename(*pg0);
  rename(*pg1);
  // Once left out, once given.
  pg0->config.rewind_options = {{"dry-run", ""}, {"no-sync", ""}};
  bootstrap(*pg0);
  EXPECT_TRUE(pg0->sql("show config_file").ends_with("/mine.conf"));
  EXPECT_TRUE(fs::exists(pg0->config.data_dir + "/mine.base.conf"));
  pg0->sql("create table t(a int)");
  clone(*pg1, *pg0);
  catch_up(*pg1, *pg0);
  expect_done(pg1->perform(Promote{in_an_hour(), Timeline{2}}));
  pg0->sql("insert into t values (1)");
  expect_done(pg0->perform(Demote{DemoteMode::ImmediateNoLock}));
  expect_done(pg1->perform(Checkpoint{}));
  // As a standby cluster says it for all its members.
  Upstream source = pg1->as_upstream();
  source.restore_command = "false";
  expect_done(pg0->perform(Rewind{source}));
  std::string said;
  ASSERT_TRUE(std::getline(std::ifstream(arguments), said));
  EXPECT_NE(said.find("--restore-target-wal"), std::string::npos) << said;
  EXPECT_NE(said.find("--config-file=" + pg0->config.data_dir + "/mine.conf"), std::string::npos)
      << said;
  expect_done(pg1->perform(KeepSlots{.wanted = {{.name = "pg0"}}}));
  expect_done(pg0->perform(StartStandby{pg1->as_upstream("pg0")}));
  pg0->observe_until(streams);
  EXPECT_EQ(pg0->sql("select count(*) from t"), "0");
  EXPECT_EQ(pg0->sql("show port"), std::to_string(pg0->config.listen.port));
}

// A server on a slow machine: for a moment its process lives and has no postmaster.pid yet.
class ServerThatHasOnlyBegun : public RealPostgres {
 protected:
  void SetUp() override {
    RealPostgres::SetUp();
    if (IsSkipped()) return;
    namespace fs = std::filesystem;
    const std::string script = root.path() + "/slow_postgres";
    std::ofstream(script) << "#!/bin/sh\n"
                          << "case \" $* \" in *' -C '* | *--describe-config* | *--version*) ;;\n"
                          << "*) touch " << begun << "; until [ -e " << may_go
                          << " ]; do sleep 0.01; done ;;\nesac\n"
                          << "exec " << test::any_bin_dir() << "/postgres \"$@\"\n";
    fs::permissions(script, fs::perms::owner_all | fs::perms::group_exec | fs::perms::others_exec |
                                fs::perms::group_read | fs::perms::others_read);
    // The user of PostgreSQL writes here, too.
    fs::permissions(root.path(), fs::perms::all);
    for (const char* program : {"initdb", "pg_basebackup", "pg_rewind"})
      fs::create_symlink(test::any_bin_dir() + "/" + program, root.path() + "/" + program);
    pg0 = a_node("pg0");
    pg0->config.bin_dir = root.path();
    pg0->config.bin_names["postgres"] = "slow_postgres";
    std::ofstream(may_go).flush();
    bootstrap(*pg0);
    expect_done(pg0->perform(Stop{StopMode::Fast}));
    fs::remove(may_go);
    fs::remove(begun);
    pg0->begin(StartStandby{});
    pg0->wait_until([&] { return fs::exists(begun); });
    pg0->instance().cancel();
    EXPECT_EQ(pg0->end_of_begun().outcome, ActOutcome::Cancelled);
  }
  void expect_that_it_ends_when(const Step& step) {
    pg0->begin(step);
    std::ofstream(may_go).flush();
    expect_done(pg0->end_of_begun());
    EXPECT_EQ(pg0->observe().process, ProcessState::Stopped);
  }
  const std::string begun = root.path() + "/begun";
  const std::string may_go = root.path() + "/may_go";
  std::unique_ptr<Node> pg0;
};

TEST_F(ServerThatHasOnlyBegun, IsStoppedWhenItCanHearIt) {
  expect_that_it_ends_when(Stop{StopMode::Fast});
}

TEST_F(ServerThatHasOnlyBegun, IsStoppedAtOnceWhenItCanHearIt) {
  expect_that_it_ends_when(Demote{DemoteMode::ImmediateNoLock});
}

TEST_F(ServerThatHasOnlyBegun, IsKilledWhenItNeverHears) {
  expect_done(pg0->perform(Stop{StopMode::Immediate}));
  EXPECT_EQ(pg0->observe().process, ProcessState::Stopped);
}

TEST_F(RealPostgres, AServerByAnotherNameIsRefused) {
  namespace fs = std::filesystem;
  auto pg0 = a_node("pg0");
  const std::string copy = root.path() + "/other";
  fs::copy_file(test::any_bin_dir() + "/postgres", copy);
  pg0->config.bin_names["postgres"] = copy;
  const ActResult result = pg0->perform(Bootstrap{});
  EXPECT_EQ(result.outcome, ActOutcome::Failed);
  EXPECT_NE(result.detail.find(copy + " is an executable by another name than postgres"),
            std::string::npos)
      << result.detail;
}

TEST_F(RealPostgres, AStandbyIsPointedElsewhereWithoutARestart) {
  auto pg0 = a_node("pg0");
  auto pg1 = a_node("pg1");
  bootstrap(*pg0);
  clone(*pg1, *pg0);
  const auto pid = pg1->observe().postmaster_pid;
  expect_done(pg1->perform(Follow{Upstream{}}));
  EXPECT_EQ(pg1->observe().upstream.host, "");
  expect_done(pg1->perform(Follow{pg0->as_upstream("pg1")}));
  EXPECT_EQ(pg1->observe_until(streams).postmaster_pid, pid);
  EXPECT_EQ(pg0->perform(Follow{pg1->as_upstream()}).outcome, ActOutcome::Failed);
}

TEST_F(RealPostgres, WhatHoldsInOneRoleIsInForceFromTheFirstWriteOn) {
  const std::string file = root.path() + "/primary.conf";
  std::ofstream(file) << "work_mem = '7MB'\n";
  auto pg0 = a_node("pg0");
  auto pg1 = a_node("pg1");
  for (Node* node : {pg0.get(), pg1.get()}) {
    node->config.by_role[ServerRole::Primary].custom_conf = file;
    node->config.by_role[ServerRole::Replica].parameters = {{"default_transaction_read_only", "on"},
                                                            {"work_mem", "5MB"}};
  }
  bootstrap(*pg0);
  EXPECT_EQ(pg0->sql("show work_mem"), "7MB");
  clone(*pg1, *pg0);
  EXPECT_EQ(pg1->sql("show work_mem"), "5MB");
  EXPECT_EQ(pg1->sql("show default_transaction_read_only"), "on");
  expect_done(pg0->perform(Demote{DemoteMode::Graceful}));
  expect_done(pg1->perform(Promote{in_an_hour(), {}}));
  pg1->sql("create table t as select 1 as a");
  EXPECT_EQ(pg1->sql("select a from t"), "1");
  EXPECT_EQ(pg1->sql("show work_mem"), "7MB");
  expect_done(pg0->perform(StartStandby{pg1->as_upstream()}));
  EXPECT_EQ(pg0->sql("show work_mem"), "5MB");
}

TEST_F(RealPostgres, SlotsAreMadeAdvancedAndDropped) {
  auto pg0 = a_node("pg0");
  auto pg1 = a_node("pg1");
  bootstrap(*pg0);
  clone(*pg1, *pg0);
  expect_done(pg1->perform(KeepSlots{.wanted = {{.name = "pg2"}}}));
  const InstanceView made = pg1->observe();
  ASSERT_EQ(made.slots.size(), 1U);
  ASSERT_TRUE(made.slots[0].restart_lsn.is_known());
  pg0->sql("create table t as select generate_series(1, 1000)");
  catch_up(*pg1, *pg0);
  const Lsn target = pg1->observe().replayed;
  expect_done(pg1->perform(KeepSlots{.wanted = {{.name = "pg2", .advance_to = target}}}));
  EXPECT_EQ(pg1->observe().slots[0].restart_lsn, target);
  expect_done(pg1->perform(KeepSlots{.drop = {"pg2"}}));
  EXPECT_TRUE(pg1->observe().slots.empty());
}

// PostgreSQL makes it anew, in step with the present primary, only where none of that name is left.
TEST_F(RealPostgres, AFailoverSlotThatAFormerPrimaryHasLeftIsToldFromASyncedOneAndDropped) {
  auto pg0 = a_node("pg0");
  auto pg1 = a_node("pg1");
  pg0->config.parameters["wal_level"] = "logical";
  pg1->config.parameters["wal_level"] = "logical";
  bootstrap(*pg0);
  if (pg0->observe().server_version < 170000) GTEST_SKIP() << "failover slots came with 17";
  clone(*pg1, *pg0);
  pg0->sql("select pg_create_logical_replication_slot('cdc', 'pgoutput', false, false, true)");
  catch_up(*pg1, *pg0);
  expect_done(pg0->perform(Demote{DemoteMode::Graceful}));
  expect_done(pg1->perform(Promote{in_an_hour()}));
  expect_done(pg1->perform(Checkpoint{}));
  expect_done(pg1->perform(KeepSlots{.wanted = {{.name = "pg0"}}}));
  expect_done(pg0->perform(StartStandby{pg1->as_upstream("pg0")}));
  const InstanceView back = pg0->observe_until(streams);
  const auto left = std::find_if(back.slots.begin(), back.slots.end(),
                                 [](const SlotView& slot) { return slot.name == "cdc"; });
  ASSERT_NE(left, back.slots.end());
  EXPECT_TRUE(left->is_failover);
  EXPECT_FALSE(left->is_synced);

  expect_done(pg0->perform(KeepSlots{.drop = {"cdc"}}));
  pg1->sql("select pg_create_logical_replication_slot('cdc', 'pgoutput', false, false, true)");
  pg0->sql("alter system set hot_standby_feedback = on");
  pg0->sql("select pg_reload_conf()");
  pg1->observe_until([](const InstanceView& view) {
    return std::any_of(view.slots.begin(), view.slots.end(),
                       [](const SlotView& slot) { return slot.name == "pg0" && slot.has_xmin; });
  });
  pg0->sql("select pg_sync_replication_slots()");
  const InstanceView synced = pg0->observe();
  const auto anew = std::find_if(synced.slots.begin(), synced.slots.end(),
                                 [](const SlotView& slot) { return slot.name == "cdc"; });
  ASSERT_NE(anew, synced.slots.end());
  EXPECT_TRUE(anew->is_failover);
  EXPECT_TRUE(anew->is_synced);
}

TEST_F(RealPostgres, ParametersAreAppliedOrShownAsPending) {
  auto pg0 = a_node("pg0");
  pg0->config.parameters["no_such_thing"] = "1";
  bootstrap(*pg0);
  PostgresConfig changed = pg0->config;
  changed.parameters["work_mem"] = "7MB";
  changed.parameters["shared_buffers"] = "24MB";
  changed.parameters["max_connections"] = "40";
  pg0->instance().reconfigure(changed);
  expect_done(pg0->perform(ApplyConfiguration{"2"}));
  const InstanceView view =
      pg0->observe_until([](const InstanceView& seen) { return seen.pending_restart.size() == 2; });
  EXPECT_EQ(pg0->sql("show work_mem"), "7MB");
  EXPECT_EQ(view.pending_restart.at("max_connections").old_value, "30");
  EXPECT_EQ(view.pending_restart.at("max_connections").new_value, "40");
  EXPECT_EQ(view.pending_restart.at("shared_buffers").new_value, "24MB");
  expect_done(pg0->perform(Restart{}));
  EXPECT_TRUE(pg0->observe_until(runs_as_primary).pending_restart.empty());
  EXPECT_EQ(pg0->sql("show max_connections"), "40");
}

TEST_F(RealPostgres, SyncNamesAreInForceWhenTheyAreSaidToBe) {
  auto pg0 = a_node("pg0");
  auto pg1 = a_node("pg1");
  pg0->config.parameters["synchronous_standby_names"] = "barman";
  bootstrap(*pg0);
  clone(*pg1, *pg0);
  InstanceView view = pg0->observe();
  EXPECT_EQ(view.sync_names, "barman");
  EXPECT_FALSE(view.sync_names_are_ours);
  ASSERT_EQ(view.wal_senders.size(), 1U);
  EXPECT_GT(view.wal_senders[0].pid, 0);

  const Stopwatch since;
  expect_done(pg0->perform(SetSyncNames{.text = "\"pg1\""}));
  RecordProperty("in_force_after_milliseconds", since.milliseconds());
  view = pg0->observe();
  EXPECT_EQ(view.sync_names, "\"pg1\"");
  EXPECT_TRUE(view.sync_names_are_ours);
  EXPECT_TRUE(view.sync_names_are_in_force);
  EXPECT_TRUE(view.sync_names_since.is_known());
  EXPECT_EQ(view.wal_senders[0].sync_state, "sync");
  pg0->sql("create table t(n int)");  // it commits, for pg1 is there

  // Whatever else writes the files leaves them as they are, and so does the next agent.
  expect_done(pg0->perform(ApplyConfiguration{"2"}));
  pg0->close();
  view = pg0->observe();
  EXPECT_EQ(view.sync_names, "\"pg1\"");
  EXPECT_TRUE(view.sync_names_are_ours);
  EXPECT_FALSE(view.sync_names_are_in_force) << "the new agent has not seen it";
  expect_done(pg0->perform(Restart{}));
  EXPECT_EQ(pg0->observe_until(runs_as_primary).sync_names, "\"pg1\"");

  // Nor does ALTER SYSTEM stand above them.
  pg0->sql("alter system set synchronous_standby_names to 'x'");
  expect_done(pg0->perform(SetSyncNames{.text = "\"nobody\""}));
  // The first commit after it is in force waits, until nobody is waited for any more.
  std::thread writer([&] { pg0->sql("insert into t values (1)"); });
  while (pg0->sql("select count(*) from pg_stat_activity where wait_event = 'SyncRep'") != "1") {
  }
  expect_done(pg0->perform(SetSyncNames{.text = ""}));
  writer.join();
  expect_done(pg0->perform(SetSyncNames{}));
  view = pg0->observe_until([](const InstanceView& seen) { return seen.sync_names == "barman"; });
  EXPECT_FALSE(view.sync_names_are_ours);
}

TEST_F(RealPostgres, SyncNamesAreSetOnAStandbyBeforeItsPromotion) {
  auto pg0 = a_node("pg0");
  auto pg1 = a_node("pg1");
  bootstrap(*pg0);
  clone(*pg1, *pg0);
  expect_done(pg1->perform(SetSyncNames{.text = "ANY 1 (\"pg0\",\"pg2\")"}));
  InstanceView view = pg1->observe_until(streams);
  EXPECT_TRUE(view.sync_names_are_in_force);
  EXPECT_FALSE(view.sync_names_since.is_known()) << "there is no position of its own yet";
  expect_done(pg0->perform(Demote{DemoteMode::Graceful}));
  expect_done(pg1->perform(Promote{in_an_hour()}));
  view = pg1->observe_until(runs_as_primary);
  EXPECT_TRUE(view.sync_names_are_in_force);
  expect_done(pg1->perform(SetSyncNames{.text = "ANY 1 (\"pg0\",\"pg2\")"}));
  EXPECT_TRUE(pg1->observe().sync_names_since.is_known());
}

TEST_F(RealPostgres, ALogicalSlotGoesOnOnAPromotedStandbyWhereThePrimarysStood) {
  auto pg0 = a_node("pg0");
  auto pg1 = a_node("pg1");
  for (Node* node : {pg0.get(), pg1.get()}) {
    node->config.parameters["wal_level"] = "logical";
    node->config.parameters["hot_standby_feedback"] = "on";
  }
  const WantedSlot slot{.name = "cdc",
                        .advance_to = {},
                        .is_logical = true,
                        .database = "postgres",
                        .plugin = "test_decoding"};
  bootstrap(*pg0);
  clone(*pg1, *pg0);
  expect_done(pg0->perform(KeepSlots{.wanted = {slot}}));
  pg0->sql("create table told (word text)");
  pg0->sql("insert into told values ('read before')");
  const std::string read =
      "select count(*) from pg_logical_slot_get_changes('cdc', null, null) "
      "where data like '%told%'";
  EXPECT_EQ(pg0->sql(read), "1");
  pg0->sql("checkpoint");  // what is read of a slot is what lies on the disk
  catch_up(*pg1, *pg0);

  const auto postmaster = pg1->observe().postmaster_pid;
  WantedSlot other = slot;
  other.plugin = "pgoutput";
  EXPECT_EQ(pg1->perform(CopySlots{.source = pg0->as_upstream(), .slots = {other}}).outcome,
            ActOutcome::Failed);
  EXPECT_EQ(pg1->observe().postmaster_pid, postmaster) << "nothing is restarted in vain";
  expect_done(pg1->perform(CopySlots{.source = pg0->as_upstream(), .slots = {slot}}));
  pg1->observe_until(streams);

  pg0->sql("insert into told values ('read on the primary')");
  EXPECT_EQ(pg0->sql(read), "1");
  catch_up(*pg1, *pg0);
  WantedSlot moved = slot;
  moved.advance_to =
      parse_lsn(
          pg0->sql("select confirmed_flush_lsn from pg_replication_slots where slot_name = 'cdc'"))
          .value();
  expect_done(pg1->perform(KeepSlots{.wanted = {moved}}));
  EXPECT_EQ(
      pg1->sql("select confirmed_flush_lsn from pg_replication_slots where slot_name = 'cdc'"),
      to_string(moved.advance_to));

  pg0->sql("insert into told values ('read after the failover')");
  catch_up(*pg1, *pg0);
  expect_done(pg0->perform(Stop{.mode = StopMode::Immediate}));
  expect_done(pg1->perform(Promote{.lease_valid_until = in_an_hour(), .timeline = {}}));
  EXPECT_EQ(pg1->sql("select data from pg_logical_slot_get_changes('cdc', null, null) "
                     "where data like '%told%'"),
            "table public.told: INSERT: word[text]:'read after the failover'");
}

TEST_F(RealPostgres, ACopyIsOpenToTheGroupWhereItsSourceIs) {
  namespace fs = std::filesystem;
  auto pg0 = a_node("pg0");
  auto pg1 = a_node("pg1");
  bootstrap(*pg0);
  expect_done(pg0->perform(Stop{StopMode::Fast}));
  const fs::perms open = fs::perms::owner_all | fs::perms::group_read | fs::perms::group_exec;
  fs::permissions(pg0->config.data_dir, open);
  fs::permissions(pg0->config.data_dir + "/PG_VERSION",
                  fs::perms::owner_read | fs::perms::owner_write | fs::perms::group_read);
  expect_done(pg0->perform(StartPrimary{in_an_hour()}));
  expect_done(pg1->perform(CloneFrom{pg0->as_upstream()}));
  EXPECT_EQ(fs::status(pg1->config.data_dir).permissions(), open);
  EXPECT_EQ(pg1->observe().data_directory, DataDirectory::Valid);
}

TEST_F(RealPostgres, ACopyThatIsCancelledLeavesAnEmptyPlace) {
  auto pg0 = a_node("pg0");
  auto pg1 = a_node("pg1");
  bootstrap(*pg0);
  pg1->config.basebackup = {{"max-rate", "32k"}};
  pg1->begin(CloneFrom{pg0->as_upstream()});
  pg1->wait_until([&] { return std::filesystem::exists(pg1->config.data_dir + "/backup_label"); });
  EXPECT_EQ(pg1->observe().data_directory, DataDirectory::Missing);
  pg1->instance().cancel();
  EXPECT_EQ(pg1->end_of_begun().outcome, ActOutcome::Cancelled);
  EXPECT_EQ(pg1->observe().data_directory, DataDirectory::Missing);
  EXPECT_FALSE(std::filesystem::exists(pg1->config.data_dir));
}

const std::string kOwnCopy =
    "copy() { for word; do case $word in --datadir=*) d=${word#*=};; --connstring=*) "
    "c=${word#*=};; "
    "esac; done; $BIN/pg_basebackup -w -X stream -c fast -D $d -d \"$c\"; }; copy";

CommandWords as_shell(const std::string& text) {
  return {"/bin/sh", "-c", text, "sh"};
}

TEST_F(RealPostgres, TheRemotePrimaryIsCopiedByTheWayThatTheStandbyClusterNames) {
  auto pg0 = a_node("pg0");
  auto pg1 = a_node("pg1");
  bootstrap(*pg0);
  pg1->config.create_replica_methods = {"never"};
  pg1->config.replica_methods["never"].command.words = {"false"};
  pg1->config.remote_copy_methods = {"own"};
  pg1->config.replica_methods["own"].command.words =
      as_shell("BIN=" + pg1->config.bin_dir + "; " + kOwnCopy + " \"$@\"");
  Upstream source = pg0->as_upstream();
  EXPECT_EQ(pg1->perform(CloneFrom{source}).outcome, ActOutcome::Failed);
  EXPECT_FALSE(std::filesystem::exists(pg1->config.data_dir));
  source.is_remote = true;
  expect_done(pg1->perform(CloneFrom{source}));
  EXPECT_TRUE(pg1->observe().has_standby_signal);
}

TEST_F(RealPostgres, WithoutALeaderOnlyWhatNeedsNobodyMakesACopy) {
  auto pg0 = a_node("pg0");
  auto pg1 = a_node("pg1");
  bootstrap(*pg0);
  const std::string backup = root.path() + "/backup";
  pg1->config.replica_methods["fetch"].command.words = as_shell(
      pg1->config.bin_dir + "/pg_basebackup -D " + backup + " -X fetch -c fast -w -d \"${4#*=}\"");
  pg1->config.create_replica_methods = {"fetch"};
  EXPECT_EQ(pg1->perform(CloneFrom{}).outcome, ActOutcome::Failed) << "it needs somebody";
  EXPECT_EQ(pg1->perform(CloneFrom{pg0->as_upstream()}).outcome, ActOutcome::Failed)
      << "a backup elsewhere is no copy here";
  pg1->close();
  ReplicaMethod& restore = pg1->config.replica_methods["restore"];
  restore.no_leader = true;
  restore.command.words =
      as_shell("test \"$4\" = --connstring= && cp -a " + backup + " " + pg1->config.data_dir);
  pg1->config.create_replica_methods = {"fetch", "restore"};
  expect_done(pg1->perform(CloneFrom{}));
  EXPECT_EQ(pg1->observe().data_directory, DataDirectory::Valid);
  EXPECT_TRUE(pg1->observe().has_standby_signal);
}

TEST_F(RealPostgres, ACommandThatKeepsDataGoesOnWithIt) {
  auto pg0 = a_node("pg0");
  auto pg1 = a_node("pg1");
  bootstrap(*pg0);
  ReplicaMethod& own = pg1->config.replica_methods["own"];
  own.keep_data = true;
  own.command.words = as_shell("mkdir " + pg1->config.data_dir + "; touch " + pg1->config.data_dir +
                               "/piece; false");
  pg1->config.create_replica_methods = {"own"};
  EXPECT_EQ(pg1->perform(CloneFrom{pg0->as_upstream()}).outcome, ActOutcome::Failed);
  EXPECT_EQ(pg1->observe().data_directory, DataDirectory::Missing);
  pg1->close();
  own.command.words = as_shell("cd " + pg1->config.data_dir +
                               " && rm piece pgherd.unfinished; BIN=" + pg1->config.bin_dir + "; " +
                               kOwnCopy + " \"$@\"");
  expect_done(pg1->perform(CloneFrom{pg0->as_upstream()}));
  // The whole of it is left to the command, too.
  expect_done(pg1->perform(RemoveDataDirectory{.why = "test"}));
  EXPECT_TRUE(std::filesystem::exists(pg1->config.data_dir + "/PG_VERSION"));
  EXPECT_EQ(pg1->observe().data_directory, DataDirectory::Missing);
  pg1->close();
  pg1->config.create_replica_methods.clear();
  EXPECT_EQ(pg1->observe().data_directory, DataDirectory::Broken);
  expect_done(pg1->perform(CloneFrom{pg0->as_upstream()}));
}

TEST_F(RealPostgres, ACopyWithTheWrongPasswordSaysSo) {
  auto pg0 = a_node("pg0");
  auto pg1 = a_node("pg1");
  bootstrap(*pg0);
  pg1->config.replication.password = "guessed";
  const ActResult result = pg1->perform(CloneFrom{pg0->as_upstream()});
  EXPECT_EQ(result.outcome, ActOutcome::Failed);
  EXPECT_NE(result.detail.find("postgresql.authentication"), std::string::npos) << result.detail;
}

TEST_F(RealPostgres, ATakenPortIsNamed) {
  auto pg0 = a_node("pg0");
  auto pg1 = a_node("pg1");
  bootstrap(*pg0);
  expect_done(pg1->perform(CloneFrom{pg0->as_upstream()}));
  pg1->config.listen.port = pg0->config.listen.port;
  pg1->close();
  const ActResult result = pg1->perform(StartStandby{pg0->as_upstream()});
  EXPECT_EQ(result.outcome, ActOutcome::Failed);
  EXPECT_NE(result.detail.find("postgresql.listen"), std::string::npos) << result.detail;
}

TEST_F(RealPostgres, WithAWrongLocalPasswordTheRoleIsKnownFromPgControl) {
  auto pg0 = a_node("pg0");
  bootstrap(*pg0);
  pg0->config.superuser.password = "forgotten";
  pg0->close();
  const InstanceView view = pg0->observe();
  EXPECT_EQ(view.process, ProcessState::Running);
  EXPECT_EQ(view.in_recovery, false);
  EXPECT_TRUE(view.role_is_stale);
}

TEST_F(RealPostgres, ASlowQueryLeavesTheRoleStanding) {
  auto pg0 = a_node("pg0");
  bootstrap(*pg0);
  const InstanceView before = pg0->observe();
  ASSERT_EQ(::kill(static_cast<pid_t>(before.postmaster_pid), SIGSTOP), 0);
  // The kept session still answers; a new one would not. The backend is stopped as well.
  for (const ProcessIdentity& process : postgres_processes_in(pg0->config.data_dir))
    signal_process(process, SIGSTOP);
  const InstanceView during = pg0->observe();
  for (const ProcessIdentity& process : postgres_processes_in(pg0->config.data_dir))
    signal_process(process, SIGCONT);
  EXPECT_EQ(during.process, ProcessState::Running);
  EXPECT_EQ(during.in_recovery, false);
  EXPECT_TRUE(during.role_is_stale);
  EXPECT_FALSE(pg0->observe_until([](const InstanceView& view) { return !view.role_is_stale; })
                   .in_recovery.value_or(true));
}

TEST_F(RealPostgres, OnlyTheLoggerIsTheLogger) {
  auto pg0 = a_node("pg0");
  pg0->config.parameters["logging_collector"] = "on";
  bootstrap(*pg0);
  auto all = postgres_processes_in(pg0->config.data_dir);
  std::vector<pid_t> loggers;
  for (const ProcessIdentity& process : all)
    if (is_logger(process)) loggers.push_back(process.pid);
  ASSERT_EQ(loggers.size(), 1U) << "of " << all.size() << " processes";
  // It alone goes on for a moment when its server has ended, and is not in the way of the next.
  const auto pid = static_cast<pid_t>(pg0->observe().postmaster_pid);
  for (const ProcessIdentity& process : all)
    signal_process(process, process.pid == pid ? SIGKILL : SIGSTOP);
  pg0->observe_until(
      [](const InstanceView& view) { return view.process == ProcessState::Stopped; });
  expect_done(pg0->perform(StartPrimary{in_an_hour()}));
  for (const ProcessIdentity& process : all)
    EXPECT_FALSE(is_running(process)) << process.pid;
}

TEST_F(RealPostgres, AStaleFileThatNamesALivingStrangerDoesNotKeepItDown) {
  auto pg0 = a_node("pg0");
  bootstrap(*pg0);
  const auto pid = static_cast<pid_t>(pg0->observe().postmaster_pid);
  pg0->changes.clear();
  ASSERT_EQ(::kill(pid, SIGKILL), 0);
  pg0->wait_until([&] { return !pg0->changes.empty(); });
  const std::string path = pg0->config.data_dir + "/postmaster.pid";
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  const std::string old = text.str();
  // As if the pid had been given to another program of the same user: this test.
  std::ofstream(path) << ::getpid() << old.substr(old.find('\n'));
  EXPECT_EQ(pg0->observe().process, ProcessState::Stopped);
  expect_done(pg0->perform(StartPrimary{in_an_hour()}));
}

TEST_F(RealPostgres, ADirectoryWithTheWrongModeIsExplained) {
  auto pg0 = a_node("pg0");
  bootstrap(*pg0);
  expect_done(pg0->perform(Stop{StopMode::Fast}));
  ASSERT_EQ(::chmod(pg0->config.data_dir.c_str(), 0755), 0);
  // A busy disk may keep one look waiting past its limit; the next one tells.
  const InstanceView view =
      pg0->observe_until([](const InstanceView& seen) { return !seen.role_is_stale; });
  EXPECT_EQ(view.data_directory, DataDirectory::Inaccessible);
  EXPECT_NE(view.data_directory_problem.find("chmod 0700"), std::string::npos);
  EXPECT_EQ(pg0->perform(StartPrimary{in_an_hour()}).outcome, ActOutcome::Failed);
}

}  // namespace
}  // namespace pgherd
