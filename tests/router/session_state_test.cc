#include "router/session_state.h"

#include <gtest/gtest.h>

namespace pgherd::router::test {
namespace {

using Rows = std::vector<QueryAnswer::Row>;

const QueryAnswer::Row kPlain{"user", "ann", "none", "UTF8"};

SessionState read(Rows rows) {
  rows.push_back(kPlain);
  return read_session_state(rows, "ann");
}

TEST(SessionState, OfAPlainSessionNeedsNothing) {
  const SessionState state = read({});
  EXPECT_EQ(state.obstacle, "");
  EXPECT_EQ(restoration_of(state).messages, "");
  EXPECT_EQ(restoration_of(state).readies, 0);
}

TEST(SessionState, RestoresSettingsAndThenTheRole) {
  const SessionState state = read_session_state({{"setting", "work_mem", "64MB", ""},
                                                 {"setting", "app.x", "it's \\", ""},
                                                 {"user", "ann", "bob", "UTF8"}},
                                                "ann");
  ASSERT_EQ(state.obstacle, "");
  const Restoration restoration = restoration_of(state);
  EXPECT_EQ(restoration.readies, 1);
  EXPECT_EQ(restoration.messages,
            write_query("select pg_catalog.set_config(E'work_mem', E'64MB', false), "
                        "pg_catalog.set_config(E'app.x', E'it''s \\\\', false), "
                        "pg_catalog.set_config(E'role', E'bob', false)"));
}

TEST(SessionState, RestoresPreparedStatements) {
  const SessionState state = read({{"prepared", "s1", "select $1", "25 23"},
                                   {"prepared", "p", "PREPARE p AS select 1;", "sql"}});
  ASSERT_EQ(state.obstacle, "");
  const Restoration restoration = restoration_of(state);
  EXPECT_EQ(restoration.readies, 2);
  const std::string parse("s1\0select $1\0\0\2\0\0\0\x19\0\0\0\x17", 23);
  EXPECT_EQ(restoration.messages, write_query("PREPARE p AS select 1;") +
                                      write_message('P', parse) + write_message('S', ""));
}

TEST(SessionState, IsNotMadeAgainWhereThatWouldDoMore) {
  EXPECT_NE(read({{"prepared", "p", "prepare p as select 1; delete from t", "sql"}}).obstacle, "");
  EXPECT_NE(read({{"obstacle", "it has an advisory lock", "", ""}}).obstacle, "");
  EXPECT_NE(read_session_state({{"user", "bob", "none", "UTF8"}}, "ann").obstacle, "");
  EXPECT_NE(read_session_state({{"user", "ann", "none", "SJIS"}}, "ann").obstacle, "");
}

TEST(SessionState, ThatCannotBeReadIsNone) {
  EXPECT_NE(read_session_state({}, "ann").obstacle, "");
  EXPECT_NE(read({{"setting", "x"}}).obstacle, "");
}

TEST(SessionState, IsAskedForNamesThatPostgresqlDoesNotList) {
  EXPECT_EQ(session_state_query({}).find("unnest"), std::string::npos);
  EXPECT_NE(session_state_query({"app.x", "it's"}).find("array[E'app.x', E'it''s']"),
            std::string::npos);
}

}  // namespace
}  // namespace pgherd::router::test
