// What `doctor` finds: for each thing that can be wrong one cluster in which it alone is.
#include "ctl/diagnosis.h"

#include <gtest/gtest.h>

#include "ctl/a_cluster.h"

namespace pgherd::ctl::test {
namespace {

constexpr const char* kSystem = "7412345678901234567";
constexpr WallTime kNow{1785542400000000};
constexpr Lsn kHere{0x3000000};

MemberAnswer an_answer(const NodeName& name) {
  return {.is_reached = true,
          .scope = "orders",
          .name = name,
          .server_version = 170004,
          .system_id = kSystem,
          .store_seen_at = WallTime{kNow.microseconds - 1000000}};
}

// "orders": db-a leads, db-b streams; nothing is wrong.
class Diagnosis : public ::testing::Test {
 protected:
  Diagnosis() {
    view.with(a_leader("db-a", "10.1.0.11:5432"))
        .with(a_standby("db-b", "10.1.0.12:5432", kHere))
        .led_by("db-a")
        .at(kHere);
    for (const char* name : {"db-a", "db-b"})
      answers[name] = an_answer(name);
  }
  [[nodiscard]] std::vector<Finding> findings() {
    return diagnose("orders", view.view(), answers, kNow, extent);
  }
  Member& member(const char* name) { return view.view().members[name]; }
  void set(const std::function<void(Settings&)>& change) {
    Settings settings;
    change(settings);
    view.with_settings(settings);
  }
  void expect(Finding::Weight weight, const std::string& what, const std::string& remedy) {
    const auto found = findings();
    ASSERT_EQ(found.size(), 1U) << (found.size() > 1 ? found[1].what : std::string());
    EXPECT_EQ(found[0].weight, weight);
    EXPECT_NE(found[0].what.find(what), std::string::npos) << found[0].what;
    EXPECT_NE(found[0].remedy.find(remedy), std::string::npos) << found[0].remedy;
  }
  void expect_problem(const std::string& what, const std::string& remedy) {
    expect(Finding::Weight::Problem, what, remedy);
  }
  void expect_remark(const std::string& what, const std::string& remedy) {
    expect(Finding::Weight::Remark, what, remedy);
  }

  AView view;
  std::map<NodeName, MemberAnswer> answers;
  Extent extent = Extent::Cluster;
};

class DiagnosisOfHosts : public Diagnosis {
 protected:
  DiagnosisOfHosts() {
    extent = Extent::WithHosts;
    for (auto& [name, answer] : answers) {
      answer.open_files_limit = 65535;
      answer.kernel = {{"transparent_hugepage", 1},
                       {"vm.nr_hugepages", 4200},
                       {"vm.overcommit_memory", 2},
                       {"vm.swappiness", 10},
                       {"vm.zone_reclaim_mode", 0}};
    }
  }
};

TEST_F(Diagnosis, FindsNothingInAHealthyCluster) {
  EXPECT_TRUE(findings().empty());
}

TEST_F(Diagnosis, OfAClusterThatIsNotThere) {
  view.view() = ClusterView{};
  expect_problem("there is no such cluster", "bootstrap");
}

TEST_F(Diagnosis, NobodyLeads) {
  view.view().leader.reset();
  expect_problem("nobody leads", "patronictl failover orders");
}

TEST_F(Diagnosis, TheLeaderIsNoMember) {
  view.led_by("db-x");
  const auto found = findings();
  ASSERT_FALSE(found.empty());
  EXPECT_EQ(found[0].what, "'db-x' leads, but the store has no key of it as a member");
}

TEST_F(Diagnosis, MaintenanceMode) {
  set([](Settings& settings) { settings.paused = true; });
  expect_remark("maintenance mode is on", "patronictl resume orders");
}

TEST_F(Diagnosis, AServerThatDoesNotRun) {
  view.with(a_standby("db-c", "10.1.0.13:5432", kHere));
  member("db-c").state = MemberState::StartFailed;
  expect_problem("'db-c' does not run: start failed", "patronictl reinit orders db-c");
  member("db-c").state = MemberState::CreatingReplica;
  expect_remark("'db-c' does not run: creating replica", "wait");
}

TEST_F(Diagnosis, AStandbyThatDoesNotStream) {
  view.with(a_standby("db-c", "10.1.0.13:5432", kHere));
  member("db-c").replication_state = "";
  expect_problem("'db-c' does not stream from 'db-a'", "patronictl reinit orders db-c");
  member("db-c").tags.nostream = true;
  EXPECT_TRUE(findings().empty()) << "it is not meant to";
  member("db-c").tags.nostream = false;
  answers["db-c"] = an_answer("db-c");
  answers["db-c"].is_streaming = true;
  EXPECT_TRUE(findings().empty()) << "it has begun since it published";
}

TEST_F(Diagnosis, AStandbyThatIsFarBehind) {
  view.with(a_standby("db-c", "10.1.0.13:5432", Lsn{0x1000000}));
  expect_problem("'db-c' is 32.0 MB behind, more than maximum_lag_on_failover (1.0 MB)",
                 "caught up");
}

// What it published when it began to stream was true a moment ago.
TEST_F(Diagnosis, AStandbyThatHasCaughtUpSinceItPublished) {
  view.with(a_standby("db-c", "10.1.0.13:5432", Lsn{0x1000000}));
  answers["db-c"] = an_answer("db-c");
  answers["db-c"].position = kHere;
  EXPECT_TRUE(findings().empty());
}

TEST_F(Diagnosis, AStandbyOnAnOldTimeline) {
  view.with(a_standby("db-c", "10.1.0.13:5432", kHere));
  member("db-c").timeline = Timeline{6};
  expect_problem("'db-c' is on timeline 6, 'db-a' on 7", "reinit");
  answers["db-c"] = an_answer("db-c");
  answers["db-c"].timeline = Timeline{6};
  expect_problem("'db-c' is on timeline 6, 'db-a' on 7", "reinit");
  answers["db-c"].timeline = Timeline{7};
  EXPECT_TRUE(findings().empty()) << "it has followed since it published";
}

TEST_F(Diagnosis, APendingRestart) {
  member("db-b").pending_restart = true;
  member("db-b").pending_restart_reason["max_connections"] = {.old_value = "100",
                                                              .new_value = "200"};
  expect_remark("max_connections: 100 to 200", "restart --pending orders db-b");
}

TEST_F(Diagnosis, NobodyCouldTakeOver) {
  member("db-b").tags.nofailover = true;
  expect_problem("if 'db-a' were lost now, nobody could take its place", "nofailover");
  member("db-b").tags.nofailover = false;
  set([](Settings& settings) { settings.synchronous_mode = SynchronousMode::On; });
  view.view().sync = SyncKey{.leader = "db-a", .standbys = {"DB-B"}};
  EXPECT_TRUE(findings().empty()) << "PostgreSQL does not see the case of these names";
}

TEST_F(Diagnosis, AMemberAlone) {
  view.view().members.edit().erase("db-b");
  answers.erase("db-b");
  expect_remark("one member", "second node");
}

TEST_F(Diagnosis, NobodyConfirmsSynchronousWrites) {
  set([](Settings& settings) { settings.synchronous_mode = SynchronousMode::On; });
  const auto found = findings();
  ASSERT_EQ(found.size(), 2U);
  EXPECT_NE(found[0].what.find("nobody could take its place"), std::string::npos);
  EXPECT_NE(found[1].what.find("on the leader alone"), std::string::npos);
}

TEST_F(Diagnosis, FewerSynchronousStandbysThanWanted) {
  set([](Settings& settings) {
    settings.synchronous_mode = SynchronousMode::On;
    settings.synchronous_node_count = 2;
  });
  view.view().sync = SyncKey{.leader = "db-a", .standbys = {"db-b"}};
  expect_remark("1 of 2 synchronous standbys", "synchronous_node_count");
}

TEST_F(Diagnosis, AnAgentThatIsNotReached) {
  answers["db-b"] = {.problem = "connection refused"};
  expect_problem("not reached at http://10.1.0.12:8008/patroni: connection refused",
                 "restapi.connect_address");
}

TEST_F(Diagnosis, AnotherMemberAtItsAddress) {
  answers["db-b"].name = "db-z";
  expect_problem("at the address of 'db-b' answers 'db-z' of cluster 'orders'", "connect_address");
  answers["db-b"].name = "";
  EXPECT_TRUE(findings().empty()) << "old Patronis do not say it";
}

TEST_F(Diagnosis, DataOfAnotherCluster) {
  answers["db-b"].system_id = "7400000000000000000";
  expect_problem("the data of 'db-b' are those of another cluster",
                 "patronictl reinit orders db-b");
}

TEST_F(Diagnosis, AnAgentThatDoesNotHearTheStore) {
  answers["db-b"].store_seen_at.microseconds -= 60000000;
  expect_problem("has not heard from the store for 61 s", "etcd");
}

TEST_F(Diagnosis, WhatKeepsAMemberFromItsDuty) {
  answers["db-b"].is_replay_paused = true;
  expect_problem("replay is paused on 'db-b'", "pg_wal_replay_resume");
  answers["db-b"] = an_answer("db-b");
  answers["db-b"].watchdog_failed = true;
  expect_problem("the watchdog of 'db-b'", "device");
  answers["db-b"] = an_answer("db-b");
  answers["db-b"].lacks_guardian = true;
  expect_problem("'db-b' has no guardian", "log");
}

TEST_F(Diagnosis, WriteAheadLogThatIsNotArchived) {
  answers["db-a"].archive_waiting_files = 1;
  answers["db-a"].archive_wait_seconds = 30;
  EXPECT_TRUE(findings().empty()) << "it is archived within moments, and this is one";
  answers["db-a"].archive_wait_seconds = 31;
  expect_problem("'db-a' has not archived write-ahead log for 31 s (1 file waits)",
                 "archive_command");
}

TEST_F(Diagnosis, CertificatesThatEnd) {
  constexpr std::int64_t kDay = std::int64_t{86400} * 1000000;
  const auto ends_in = [&](std::int64_t time, const char* use = "restapi") {
    return CertificateEnd{
        .use = use, .file = "/tls.pem", .ends_at = WallTime{kNow.microseconds + time}};
  };
  answers["db-b"].certificates = {ends_in(14 * kDay + 1)};
  EXPECT_TRUE(findings().empty());
  answers["db-b"].certificates = {ends_in(3 * kDay + 1), ends_in(3 * kDay + 1, "etcd")};
  expect_remark(
      "the certificate in /tls.pem of 'db-b' (restapi, etcd) ends on 2026-08-04 00:00 UTC, in 3 "
      "days",
      "`patronictl reload orders db-b`");
  answers["db-b"].certificates = {ends_in(0)};
  expect_problem("(restapi) ended on 2026-08-01 00:00 UTC", "put a new one in its place");
  answers["db-b"].certificates = {{.use = "restapi", .file = "/tls.pem", .ends_at = {}}};
  expect_problem("cannot be read", "log");
}

TEST_F(Diagnosis, AddressesThatCannotBeRight) {
  member("db-b").conn_url = "postgres://10.1.0.11:5432/postgres";
  expect_problem("'db-a' and 'db-b' both say that they are at 10.1.0.11:5432", "connect_address");
  member("db-b").conn_url = "postgres://127.0.0.1:5432/postgres";
  expect_problem("only their own machine reaches", "connect_address");
}

TEST_F(Diagnosis, DifferentVersions) {
  answers["db-b"].server_version = 170002;
  expect_remark("17.2: 'db-b'; 17.4: 'db-a'", "standbys first");
}

TEST_F(Diagnosis, AScheduledSwitchover) {
  view.view().failover = FailoverRequest{.candidate = "db-b", .scheduled_at = kNow};
  expect_remark("a switchover is scheduled to 'db-b'", "patronictl flush orders switchover");
}

TEST_F(Diagnosis, PutsProblemsFirst) {
  member("db-a").pending_restart = true;
  answers["db-b"].is_replay_paused = true;
  const auto found = findings();
  ASSERT_EQ(found.size(), 2U);
  EXPECT_EQ(found[0].weight, Finding::Weight::Problem);
}

TEST_F(Diagnosis, OfDivergedWalSaysWhereItIsOrThatItStandsInTheWay) {
  answers["db-b"].diverged_wal = "3 commits on timeline 1 from 0/3000 on";
  EXPECT_TRUE(findings().empty());  // it runs: nothing of it is in the way
  answers["db-b"].diverged_wal_kept_in = "/kept";
  expect_remark("3 commits on timeline 1 from 0/3000 on, kept there in /kept", "diverged.txt");
  answers["db-b"].diverged_wal_kept_in = "";
  member("db-b").state = MemberState::Stopped;
  const auto found = findings();
  const auto named = std::find_if(found.begin(), found.end(), [](const Finding& one) {
    return one.what ==
           "'db-b' had what the cluster does not have: 3 commits on timeline 1 from "
           "0/3000 on";
  });
  ASSERT_NE(named, found.end());
  EXPECT_EQ(named->weight, Finding::Weight::Problem);
  EXPECT_NE(named->remedy.find("reinit orders db-b"), std::string::npos) << named->remedy;
}

TEST(MemberAnswers, TellOfDivergedWal) {
  const auto said = [](const std::string& wal) {
    return member_answer(R"({"diverged_wal":)" + wal + "}", "");
  };
  const auto whole = said(R"({"timeline":8,"from":"0/A0","commits":617,"kept_in":"/kept"})");
  EXPECT_EQ(whole.diverged_wal, "617 commits on timeline 8 from 0/A0 on");
  EXPECT_EQ(whole.diverged_wal_kept_in, "/kept");
  EXPECT_EQ(said(R"({"timeline":8})").diverged_wal, "write-ahead log on timeline 8");
  EXPECT_EQ(said(R"({"timeline":8})").diverged_wal_kept_in, "");
  EXPECT_EQ(said("7").diverged_wal, "");
}

TEST(MemberAnswers, AreReadFromWhatAnAgentSays) {
  const MemberAnswer answer = member_answer(
      R"({"state":"running","role":"replica","server_version":170004,)"
      R"("xlog":{"received_location":1,"paused":true},"dcs_last_seen":1785542400,)"
      R"("database_system_identifier":"7412345678901234567","watchdog_failed":true,)"
      R"("patroni":{"version":"4.1.4","scope":"orders","name":"db-b"}})",
      "# HELP pgherd_guardian_connected Whether.\n# TYPE pgherd_guardian_connected gauge\n"
      "pgherd_guardian_connected{scope=\"orders\",name=\"db-b\"} 0\n"
      "pgherd_archive_waiting_files{scope=\"orders\",name=\"db-b\"} 3\n"
      "pgherd_archive_oldest_wait_seconds{scope=\"orders\",name=\"db-b\"} 47\n"
      "# TYPE pgherd_certificate_expiry_timestamp_seconds gauge\n"
      "pgherd_certificate_expiry_timestamp_seconds{scope=\"orders\",use=\"etcd\",file=\"/a "
      "\\\"b\\\\c\"} 1785542400\n"
      "pgherd_certificate_expiry_timestamp_seconds{scope=\"orders\",use=\"ctl\",file=\"/d\"} 0\n");
  EXPECT_TRUE(answer.is_reached);
  EXPECT_EQ(answer.scope, "orders");
  EXPECT_EQ(answer.name, "db-b");
  EXPECT_EQ(answer.server_version, 170004);
  EXPECT_EQ(answer.system_id, kSystem);
  EXPECT_EQ(answer.store_seen_at, kNow);
  EXPECT_TRUE(answer.is_replay_paused);
  EXPECT_TRUE(answer.watchdog_failed);
  EXPECT_TRUE(answer.lacks_guardian);
  EXPECT_EQ(answer.archive_waiting_files, 3);
  EXPECT_EQ(answer.archive_wait_seconds, 47);
  ASSERT_EQ(answer.certificates.size(), 2U);
  EXPECT_EQ(answer.certificates[0].use, "etcd");
  EXPECT_EQ(answer.certificates[0].file, "/a \"b\\c");
  EXPECT_EQ(answer.certificates[0].ends_at, kNow);
  EXPECT_EQ(answer.certificates[1].ends_at, WallTime{});
  EXPECT_FALSE(
      member_answer(R"({"server_version":"new","xlog":7,"patroni":[]})", "").lacks_guardian);
  EXPECT_FALSE(member_answer("<html>", "").is_reached);
  EXPECT_EQ(
      member_answer(R"({"xlog":{"received_location":80,"replayed_location":64}})", "").position,
      Lsn{80});
  EXPECT_EQ(
      member_answer(R"({"xlog":{"received_location":0,"replayed_location":64}})", "").position,
      Lsn{64});
  EXPECT_EQ(member_answer(R"({"xlog":{"location":64}})", "").position, std::nullopt) << "a primary";
  const MemberAnswer standby =
      member_answer(R"({"timeline":7,"replication_state":"streaming"})", "");
  EXPECT_EQ(standby.timeline, Timeline{7});
  EXPECT_TRUE(standby.is_streaming);
}

TEST_F(DiagnosisOfHosts, ThatGiveEnoughIsNothing) {
  EXPECT_TRUE(findings().empty());
}

TEST_F(DiagnosisOfHosts, IsMadeOnlyWhenAskedFor) {
  answers["db-b"].open_files_limit = 1024;
  answers["db-b"].kernel["vm.overcommit_memory"] = 0;
  extent = Extent::Cluster;
  EXPECT_TRUE(findings().empty());
}

TEST_F(DiagnosisOfHosts, SaysWhoMayOpenFewFiles) {
  answers["db-b"].open_files_limit = 1024;
  expect_remark("'db-b' may open 1024 files", "LimitNOFILE=65535 in the agent's unit");
}

TEST_F(DiagnosisOfHosts, SaysWhatIsToBeChangedInAKernel) {
  const struct {
    const char* setting;
    std::int64_t value;
    const char* what;
    const char* remedy;
  } kCases[] = {
      {"vm.overcommit_memory", 0, "vm.overcommit_memory = 0 on the host of 'db-a'",
       "`sysctl vm.overcommit_memory=2`"},
      {"vm.overcommit_memory", 1, "vm.overcommit_memory = 1 on the host of 'db-a'",
       "`sysctl vm.overcommit_memory=2`"},
      {"vm.swappiness", 11, "vm.swappiness = 11", "`sysctl vm.swappiness=10`"},
      {"vm.zone_reclaim_mode", 1, "vm.zone_reclaim_mode = 1", "`sysctl vm.zone_reclaim_mode=0`"},
      {"transparent_hugepage", 2, "transparent_hugepage = always", "echo madvise"},
      {"vm.nr_hugepages", 0, "vm.nr_hugepages = 0", "shared_memory_size_in_huge_pages"},
  };
  for (const auto& one : kCases) {
    std::int64_t& value = answers["db-a"].kernel[one.setting];
    const std::int64_t before = std::exchange(value, one.value);
    expect_remark(one.what, one.remedy);
    value = before;
  }
}

TEST_F(DiagnosisOfHosts, SaysWhoSaysNothing) {
  answers["db-b"].open_files_limit = 0;
  answers["db-b"].kernel.clear();
  expect_remark("'db-b' does not say what its host gives it", "an agent of this version");
}

TEST(MemberAnswerOf, AnAgentHasWhatItsHostGives) {
  const MemberAnswer answer = member_answer(
      "{}",
      "pgherd_open_files_limit{scope=\"orders\",name=\"db-a\"} 20000\n"
      "pgherd_kernel_setting{scope=\"orders\",name=\"db-a\",setting=\"vm.swappiness\"} 60\n"
      "pgherd_kernel_setting{scope=\"orders\",name=\"db-a\",setting=\"vm.nr_hugepages\"} 0\n");
  EXPECT_EQ(answer.open_files_limit, 20000);
  EXPECT_EQ(answer.kernel,
            (std::map<std::string, std::int64_t>{{"vm.nr_hugepages", 0}, {"vm.swappiness", 60}}));
}

}  // namespace
}  // namespace pgherd::ctl::test
