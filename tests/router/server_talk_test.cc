#include "router/server_talk.h"

#include <gtest/gtest.h>

namespace pgherd::router::test {
namespace {

std::string u32(std::uint32_t number) {
  std::string text;
  for (const unsigned shift : {24U, 16U, 8U, 0U})
    text += static_cast<char>((number >> shift) & 0xFFU);
  return text;
}

std::string row(const std::vector<std::string>& columns) {
  std::string body{'\0', static_cast<char>(columns.size())};
  for (const std::string& column : columns)
    body += u32(static_cast<std::uint32_t>(column.size())) + column;
  return write_message('D', body);
}

std::string error(const std::string& severity, const std::string& message) {
  return write_message('E', "S" + severity + '\0' + "V" + severity + '\0' + "C57P03" + '\0' + "M" +
                                message + '\0' + '\0');
}

const std::string kReady = write_message('Z', "I");
const std::string kMechanisms("SCRAM-SHA-256-PLUS\0SCRAM-SHA-256\0\0", 34);

TEST(ServerLogin, OfATrustedUserIsReadyAtOnce) {
  ServerLogin login("ann", NoSecret{}, "x");
  const std::string talk = write_message('R', u32(0)) +
                           write_message('S', std::string("TimeZone\0UTC\0", 13)) +
                           write_message('K', u32(7) + "key!") + kReady;
  for (const char byte : talk)
    login.take(std::string_view(&byte, 1));
  EXPECT_TRUE(login.is_ready());
  EXPECT_EQ(login.cancel_key(), (pgwire::CancelRequest{.pid = 7, .key = "key!"}));
  EXPECT_FALSE(login.is_in_recovery());
  EXPECT_EQ(login.parameters(), write_message('S', std::string("TimeZone\0UTC\0", 13)));
  EXPECT_EQ(login.take_answer(), "");
}

TEST(ServerLogin, SaysThatTheServerIsInRecovery) {
  ServerLogin login("ann", NoSecret{}, "x");
  login.take(write_message('R', u32(0)) +
             write_message('S', std::string("in_hot_standby\0on\0", 18)) + kReady);
  EXPECT_TRUE(login.is_ready() && login.is_in_recovery());
}

TEST(ServerLogin, AnswersScramWithItsFirstMessage) {
  ServerLogin login("ann", Password{"secret"}, "nonce");
  login.take(write_message('R', u32(10) + kMechanisms));
  EXPECT_EQ(login.take_answer(),
            write_message('p', std::string("SCRAM-SHA-256\0", 14) + u32(13) + "n,,n=,r=nonce"));
  login.take(write_message('R', u32(11) + "r=nonceX,s=c2FsdA==,i=10"));
  EXPECT_TRUE(login.take_answer().starts_with("p"));
}

TEST(ServerLogin, DoesNotBelieveAServerThatHasNotProvenItself) {
  for (const std::string& end :
       {write_message('R', u32(12) + "v=wrong"), write_message('R', u32(0)) + kReady}) {
    ServerLogin login("ann", Password{"secret"}, "nonce");
    login.take(write_message('R', u32(10) + kMechanisms));
    login.take(write_message('R', u32(11) + "r=nonceX,s=c2FsdA==,i=10"));
    login.take(end);
    EXPECT_FALSE(login.is_ready());
    ASSERT_TRUE(login.refusal());
  }
}

TEST(ServerLogin, IsRefusedWithTheServersReason) {
  ServerLogin login("ann", NoSecret{}, "x");
  login.take(error("FATAL", "the database system is starting up") + kReady);
  ASSERT_TRUE(login.refusal());
  EXPECT_EQ(login.refusal()->sqlstate, "57P03");
  EXPECT_EQ(login.refusal()->message, "the database system is starting up");
  EXPECT_FALSE(login.is_ready());
}

TEST(ServerLogin, GivesNoProofThatWasNotGivenBefore) {
  const std::vector<std::string> requests{u32(3), u32(5) + "salt", u32(10) + kMechanisms, u32(7),
                                          "?"};
  for (const std::string& request : requests) {
    ServerLogin login("ann", NoSecret{}, "x");
    login.take(write_message('R', request));
    EXPECT_TRUE(login.refusal());
    EXPECT_EQ(login.take_answer(), "");
  }
}

TEST(QueryAnswer, KeepsRowsAndWhatIsTheClients) {
  QueryAnswer answer;
  const std::string notice = write_message('N', "SNOTICE");
  answer.take(write_message('T', "...") + row({"a", ""}) + notice + row({"b", "c"}) + kReady);
  EXPECT_TRUE(answer.is_over());
  EXPECT_FALSE(answer.problem());
  EXPECT_EQ(answer.rows(), (std::vector<QueryAnswer::Row>{{"a", ""}, {"b", "c"}}));
  EXPECT_EQ(answer.asides(), notice);
}

TEST(QueryAnswer, ReadsNullAsNothing) {
  QueryAnswer answer;
  answer.take(write_message('D', std::string("\0\1", 2) + u32(0xFFFFFFFF)) + kReady);
  EXPECT_EQ(answer.rows(), std::vector<QueryAnswer::Row>{{""}});
}

TEST(QueryAnswer, IsOverAfterTheLastOfSeveral) {
  QueryAnswer answer(2);
  answer.take(kReady);
  EXPECT_FALSE(answer.is_over());
  answer.take(error("ERROR", "no") + kReady);
  EXPECT_TRUE(answer.is_over());
  EXPECT_EQ(answer.problem(), "no");
}

TEST(QueryAnswer, EndsWithItsServer) {
  QueryAnswer answer;
  answer.take(error("FATAL", "terminating connection"));
  EXPECT_TRUE(answer.is_over());
  EXPECT_EQ(answer.problem(), "terminating connection");
}

TEST(QueryAnswer, OfNonsenseIsAProblem) {
  for (const std::string& nonsense :
       {std::string("D\0\0\0\0", 5), write_message('D', std::string("\0\2", 2) + u32(99)),
        write_message('D', std::string(20000, 'x')), write_message('Z', "T")}) {
    QueryAnswer answer;
    answer.take(nonsense);
    EXPECT_TRUE(answer.problem());
  }
}

TEST(Messages, AreWrittenAsTheProtocolWantsThem) {
  EXPECT_EQ(write_query("select 1"), std::string("Q\0\0\0\15select 1\0", 14));
  EXPECT_EQ(write_startup({"user", "ann"}),
            u32(18) + u32(196608) + std::string("user\0ann\0\0", 10));
  EXPECT_TRUE(write_query("select $1", {"x"}).ends_with(std::string("S\0\0\0\4", 5)));
}

}  // namespace
}  // namespace pgherd::router::test
