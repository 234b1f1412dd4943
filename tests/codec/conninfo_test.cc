#include "codec/conninfo.h"

#include <gtest/gtest.h>

namespace pgherd {
namespace {

TEST(ConnInfo, StandsInTheOrderOfItsFirstSettings) {
  ConnInfo info{{"user", "rep"}, {"host", "10.1.0.12"}, {"port", "5432"}};
  info.set("user", "replicator").set_if_any("sslcert", "").set_default("port", "1");
  info.set_default("sslmode", "prefer").set("gone", "x").remove("gone").remove("never");
  EXPECT_EQ(info.to_string(), "user=replicator host=10.1.0.12 port=5432 sslmode=prefer");
  ASSERT_NE(info.find("host"), nullptr);
  EXPECT_EQ(*info.find("host"), "10.1.0.12");
  EXPECT_EQ(info.find("gone"), nullptr);
}

TEST(ConnInfo, QuotesValuesThatWouldEndEarly) {
  EXPECT_EQ(quote_conninfo_value("pg1.example:5432,[::1]"), "pg1.example:5432,[::1]");
  EXPECT_EQ(quote_conninfo_value(""), "''");
  EXPECT_EQ(quote_conninfo_value("a b"), "'a b'");
  EXPECT_EQ(quote_conninfo_value("it's"), R"('it\'s')");
  EXPECT_EQ(quote_conninfo_value(R"(a\b)"), R"('a\\b')");
  EXPECT_EQ(quote_conninfo_value("x' host=evil '"), R"('x\' host=evil \'')");
  EXPECT_EQ(quote_conninfo_value("a=b"), "'a=b'");
}

TEST(ConfValue, DoublesQuotesAndBackslashesAndStaysOnItsLine) {
  EXPECT_EQ(quote_conf_value("128MB"), "'128MB'");
  EXPECT_EQ(quote_conf_value(""), "''");
  EXPECT_EQ(quote_conf_value("cp '%p' C:\\wal"), "'cp ''%p'' C:\\\\wal'");
  EXPECT_EQ(quote_conf_value("a'\nport = 1"), "'a''\\nport = 1'");
}

TEST(SqlText, CannotLeaveItsQuotes) {
  EXPECT_EQ(quote_sql_literal("it's"), "'it''s'");
  EXPECT_EQ(quote_sql_literal("\\'; DROP"), " E'\\\\''; DROP'");
  EXPECT_EQ(quote_sql_literal(std::string_view("a\0b", 3)), "'ab'");
  EXPECT_EQ(quote_sql_identifier("postgres"), "\"postgres\"");
  EXPECT_EQ(quote_sql_identifier("a\"; DROP"), "\"a\"\"; DROP\"");
}

TEST(Pgpass, EscapesItsSeparatorAndItsEscape) {
  EXPECT_EQ(escape_pgpass("a:b\\c"), "a\\:b\\\\c");
  EXPECT_EQ(pgpass_line("fd00::1", "5432", "", "rep", "p:w"), "fd00\\:\\:1:5432:*:rep:p\\:w");
  EXPECT_EQ(pgpass_line("", "", "", "", ""), "*:*:*:*:");
}

TEST(Pgpass, NamesASocketAsLibpqLooksForIt) {
  EXPECT_EQ(pgpass_lines("10.0.0.1", "1", "", "u", "p"), "10.0.0.1:1:*:u:p\n");
  EXPECT_EQ(pgpass_lines("/run/a:b", "1", "", "u", "p"), "/run/a\\:b:1:*:u:p\nlocalhost:1:*:u:p\n");
  EXPECT_EQ(pgpass_lines("", "1", "", "u", "p"), "localhost:1:*:u:p\n");
}

}  // namespace
}  // namespace pgherd
