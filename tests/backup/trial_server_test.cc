#include "backup/trial_server.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace pgherd::backup::test {
namespace {

constexpr const char* kControl =
    "pg_control version number:            1700\n"
    "pg_control last modified:             Mon Nov 30 10:00:53 2026\n"
    "max_connections setting:              250\n"
    "max_worker_processes setting:         12\n"
    "max_wal_senders setting:              10\n"
    "max_prepared_xacts setting:           7\n"
    "max_locks_per_xact setting:           128\n"
    "track_commit_timestamp setting:       on\n";

std::vector<std::string> arguments() {
  return server_arguments({.data = "/s/data",
                           .socket_dir = "/s/socket",
                           .config_file = "/s/postgresql.conf",
                           .hba_file = "/s/pg_hba.conf",
                           .ident_file = "/s/pg_ident.conf"},
                          parse_controldata(kControl));
}

bool sets(const std::string& setting) {
  const auto words = arguments();
  return std::find(words.begin(), words.end(), setting) != words.end();
}

TEST(TrialServer, KeepsToItself) {
  for (const char* setting :
       {"listen_addresses=", "unix_socket_directories=/s/socket", "unix_socket_permissions=0700",
        "archive_mode=off", "archive_cleanup_command=", "recovery_end_command=",
        "primary_conninfo=", "max_logical_replication_workers=0",
        "shared_preload_libraries=", "synchronous_standby_names=", "hba_file=/s/pg_hba.conf"})
    EXPECT_TRUE(sets(setting)) << setting;
}

TEST(TrialServer, IsGivenWhatThePrimaryHad) {
  for (const char* setting : {"max_connections=250", "max_worker_processes=12",
                              "max_wal_senders=10", "max_prepared_transactions=7",
                              "max_locks_per_transaction=128", "track_commit_timestamp=on"})
    EXPECT_TRUE(sets(setting)) << setting;
}

TEST(ControlData, KeepsWhatStandsBehindTheFirstColon) {
  EXPECT_EQ(parse_controldata(kControl).at("pg_control last modified"), "Mon Nov 30 10:00:53 2026");
}

TEST(ServerLog, SaysWhyItEnded) {
  EXPECT_EQ(
      reason_in_server_log({"LOG:  starting archive recovery", "ERROR: [039]: unable to decompress",
                            "FATAL:  could not locate required checkpoint record",
                            "LOG:  database system is shut down"}),
      "ERROR: [039]: unable to decompress; FATAL:  could not locate required checkpoint "
      "record");
  EXPECT_EQ(reason_in_server_log({"postgres: no such user"}), "postgres: no such user");
  EXPECT_EQ(reason_in_server_log({}), "it said nothing");
}

TEST(ServerLog, NamesSegmentsThatCameFromTheArchive) {
  EXPECT_EQ(restored_segment("LOG:  restored log file \"000000010000000000000007\" from archive"),
            "000000010000000000000007");
  EXPECT_EQ(restored_segment("LOG:  restored log file \"00000002.history\" from archive"), "");
  EXPECT_EQ(restored_segment("LOG:  redo starts at 0/6000028"), "");
}

}  // namespace
}  // namespace pgherd::backup::test
