#include "backup/restore_proof.h"

#include <gtest/gtest.h>

namespace pgherd::backup::test {
namespace {

constexpr std::int64_t kSecond = 1000000;
constexpr WallTime kBegan{1796032900LL * kSecond};

RestoreProof a_proof() {
  return RestoreProof{.stanza = "main",
                      .backup = "20261130-100046F",
                      .began = kBegan,
                      .ended = {kBegan.microseconds + 9 * kSecond},
                      .target = {},
                      .rto = 4250ms,
                      .newest_commit = NewestCommit{.at = {kBegan.microseconds - 63 * kSecond},
                                                    .source = "pg_last_xact_replay_timestamp"},
                      .relations_are_checked = true,
                      .failure = ""};
}

RestoreProof a_failure() {
  RestoreProof proof = a_proof();
  proof.ended = {kBegan.microseconds + 86400 * kSecond};
  proof.rto.reset();
  proof.newest_commit.reset();
  proof.relations_are_checked = false;
  proof.failure = "pgbackrest restore exited with status 29: no";
  return proof;
}

TEST(Rpo, IsTheTimeFromTheNewestCommitToTheBegin) {
  EXPECT_EQ(a_proof().rpo(), 63s);
}

TEST(Rpo, IsTheTimeToTheMomentThatWasAskedFor) {
  RestoreProof proof = a_proof();
  proof.target = WallTime{kBegan.microseconds - 60 * kSecond};
  EXPECT_EQ(proof.rpo(), 3s);
}

TEST(Rpo, IsNotNegativeWhereClocksDiffer) {
  RestoreProof proof = a_proof();
  proof.newest_commit->at = {kBegan.microseconds + kSecond};
  EXPECT_EQ(proof.rpo(), 0s);
}

TEST(Metrics, TellOfAProvenBackup) {
  EXPECT_EQ(
      metrics_text(a_proof(), std::nullopt),
      R"(# HELP pgherd_backup_restore_test_success 1 if the last restore test has proven the backup.
# TYPE pgherd_backup_restore_test_success gauge
pgherd_backup_restore_test_success{stanza="main"} 1
# HELP pgherd_backup_restore_test_timestamp_seconds When it ended.
# TYPE pgherd_backup_restore_test_timestamp_seconds gauge
pgherd_backup_restore_test_timestamp_seconds{stanza="main"} 1796032909.000
# HELP pgherd_backup_restore_test_duration_seconds How long it took, from the begin to the verdict.
# TYPE pgherd_backup_restore_test_duration_seconds gauge
pgherd_backup_restore_test_duration_seconds{stanza="main"} 9.000
# HELP pgherd_backup_restore_test_rto_seconds From its begin until PostgreSQL accepted connections.
# TYPE pgherd_backup_restore_test_rto_seconds gauge
pgherd_backup_restore_test_rto_seconds{stanza="main"} 4.250
# HELP pgherd_backup_restore_test_rpo_seconds Age of the newest commit that it recovered.
# TYPE pgherd_backup_restore_test_rpo_seconds gauge
pgherd_backup_restore_test_rpo_seconds{stanza="main"} 63.000
# HELP pgherd_backup_restore_test_relations_checked 1 if pg_amcheck has looked at all tables and indexes.
# TYPE pgherd_backup_restore_test_relations_checked gauge
pgherd_backup_restore_test_relations_checked{stanza="main"} 1
# HELP pgherd_backup_restore_test_last_success_timestamp_seconds When a restore test last proved a backup.
# TYPE pgherd_backup_restore_test_last_success_timestamp_seconds gauge
pgherd_backup_restore_test_last_success_timestamp_seconds{stanza="main"} 1796032909.000
# HELP pgherd_backup_restore_test_last_success_rto_seconds The RTO of that one.
# TYPE pgherd_backup_restore_test_last_success_rto_seconds gauge
pgherd_backup_restore_test_last_success_rto_seconds{stanza="main"} 4.250
# HELP pgherd_backup_restore_test_last_success_rpo_seconds The RPO of that one.
# TYPE pgherd_backup_restore_test_last_success_rpo_seconds gauge
pgherd_backup_restore_test_last_success_rpo_seconds{stanza="main"} 63.000
)");
}

TEST(Metrics, OfAFailureKeepTheLastProvenOne) {
  const std::string good = metrics_text(a_proof(), std::nullopt);
  const auto last = last_proven_in(good, "main");
  ASSERT_TRUE(last);
  EXPECT_EQ(*last, (LastProven{.timestamp = "1796032909.000", .rto = "4.250", .rpo = "63.000"}));
  const std::string bad = metrics_text(a_failure(), last);
  EXPECT_NE(bad.find("\npgherd_backup_restore_test_success{stanza=\"main\"} 0\n"),
            std::string::npos);
  EXPECT_EQ(bad.find("_test_rto_seconds"), std::string::npos) << "there is none";
  EXPECT_EQ(last_proven_in(bad, "main"), last);
  EXPECT_EQ(last_proven_in(metrics_text(a_failure(), last_proven_in(bad, "main")), "main"), last);
}

TEST(Metrics, OfAFirstFailureHaveNoLastProvenOne) {
  const std::string bad = metrics_text(a_failure(), std::nullopt);
  EXPECT_EQ(bad.find("last_success"), std::string::npos);
  EXPECT_EQ(last_proven_in(bad, "main"), std::nullopt);
}

TEST(Metrics, OfAnotherStanzaAndOfNobodySayNothing) {
  EXPECT_EQ(last_proven_in(metrics_text(a_proof(), std::nullopt), "side"), std::nullopt);
  EXPECT_EQ(last_proven_in("", "main"), std::nullopt);
  EXPECT_EQ(last_proven_in("pgherd_backup_restore_test_last_success_timestamp_seconds{", "main"),
            std::nullopt);
}

TEST(Metrics, EscapeTheStanza) {
  RestoreProof proof = a_proof();
  proof.stanza = "a\"b\\c";
  const std::string text = metrics_text(proof, std::nullopt);
  EXPECT_NE(text.find("{stanza=\"a\\\"b\\\\c\"} 1\n"), std::string::npos);
  EXPECT_TRUE(last_proven_in(text, "a\"b\\c"));
}

TEST(Verdict, NamesBothTimesAndWhereTheyAreFrom) {
  EXPECT_EQ(verdict_lines(a_proof()),
            (std::vector<std::string>{
                "RTO 4.2 s: from the begin of the restore until PostgreSQL accepted connections",
                "RPO 63.0 s: the newest recovered commit is of 2026-11-30T10:00:37+00:00 "
                "(pg_last_xact_replay_timestamp), so long before the begin",
                "proven: backup 20261130-100046F can be restored"}));
  EXPECT_EQ(verdict_lines(a_failure()),
            std::vector<std::string>{"not proven: pgbackrest restore exited with status 29: no"});
}

}  // namespace
}  // namespace pgherd::backup::test
