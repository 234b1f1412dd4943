#include "pgwire/conversation.h"

#include <gtest/gtest.h>

#include "base/dice.h"
#include "pgwire/wire.h"

namespace pgherd::pgwire::test {
namespace {

Conversation begun() {
  Conversation session;
  session.from_server(welcome());
  return session;
}

TEST(Conversation, BeginsWhenTheServerIsReady) {
  Conversation session;
  EXPECT_FALSE(session.is_welcome());
  session.from_server(message('R', u32(10) + "SCRAM-SHA-256\0\0"));
  EXPECT_TRUE(session.is_welcome());
  session.from_client(message('p', "secret"));
  EXPECT_FALSE(session.has_begun());
  session.from_server(welcome());
  EXPECT_TRUE(session.has_begun());
  EXPECT_TRUE(session.is_at_rest());
}

TEST(Conversation, KnowsTheSameInPiecesOfAnySize) {
  const std::string bytes = welcome("on");
  for (std::size_t cut = 0; cut <= bytes.size(); ++cut) {
    Conversation session;
    session.from_server(bytes.substr(0, cut));
    session.from_server(bytes.substr(cut));
    EXPECT_TRUE(session.has_begun());
    EXPECT_EQ(session.in_hot_standby(), true);
    EXPECT_EQ(session.cancel_key(), (CancelRequest{.pid = 4711, .key = u32(0xCAFE)}));
  }
  Conversation session;
  for (const char byte : bytes)
    session.from_server(std::string_view(&byte, 1));
  EXPECT_TRUE(session.has_begun());
  EXPECT_EQ(session.in_hot_standby(), true);
}

TEST(Conversation, KeepsKeysOfThreePointTwo) {
  Conversation session;
  session.from_server(message('K', u32(1) + std::string(32, 'k')));
  EXPECT_EQ(session.cancel_key()->key, std::string(32, 'k'));
  Conversation odd;
  odd.from_server(message('K', u32(1) + std::string(257, 'k')));
  EXPECT_FALSE(odd.cancel_key());
  odd.from_server(message('K', "ab"));
  EXPECT_FALSE(odd.cancel_key());
}

TEST(Conversation, HearsOfAPromotion) {
  Conversation session;
  session.from_server(welcome("on"));
  session.from_server(message('S', "in_hot_standby\0off\0"sv));
  EXPECT_EQ(session.in_hot_standby(), false);
  session.from_server(message('S', "in_hot_standby_x\0on\0"sv));
  EXPECT_EQ(session.in_hot_standby(), false);
}

TEST(Conversation, IsNotAtRestBeforeEveryAnswerHasCome) {
  Conversation session = begun();
  session.from_client(message('Q', "select 1") + message('Q', "select 2"));
  EXPECT_FALSE(session.is_at_rest());
  session.from_server(message('Z', "I"));
  EXPECT_FALSE(session.is_at_rest());
  session.from_server(message('Z', "I"));
  EXPECT_TRUE(session.is_at_rest());
  EXPECT_EQ(session.answers(), 2U);
}

TEST(Conversation, IsNotAtRestInATransaction) {
  Conversation session = begun();
  for (const char* status : {"T", "E"}) {
    session.from_client(message('Q', "begin"));
    session.from_server(message('Z', status));
    EXPECT_FALSE(session.is_at_rest());
  }
  session.from_client(message('Q', "commit"));
  session.from_server(message('Z', "I"));
  EXPECT_TRUE(session.is_at_rest());
}

// An implicit transaction that Z does not show: Execute was sent, Sync was not.
TEST(Conversation, IsNotAtRestBeforeASync) {
  Conversation session = begun();
  session.from_client(message('P', "\0select 1\0\0\0"sv) + message('B') + message('E'));
  EXPECT_FALSE(session.is_at_rest());
  session.from_client(message('S'));
  EXPECT_FALSE(session.is_at_rest());
  session.from_server(message('1') + message('2') + message('C', "SELECT 1\0"sv) +
                      message('Z', "I"));
  EXPECT_TRUE(session.is_at_rest());
}

TEST(Conversation, IsNotAtRestWithinAMessage) {
  Conversation session = begun();
  session.from_client(message('Q', "select 1").substr(0, 3));
  EXPECT_FALSE(session.is_at_rest());
  Conversation other = begun();
  other.from_server(message('N', "notice").substr(0, 8));
  EXPECT_FALSE(other.is_at_rest());
  EXPECT_FALSE(other.is_between_messages());
}

// libpq sends a Sync at once, which the server passes over when it goes into COPY.
TEST(Conversation, CountsTheSyncsOfACopyInTheExtendedProtocol) {
  Conversation session = begun();
  session.from_client(message('P') + message('B') + message('D') + message('E') + message('S'));
  session.from_server(message('1') + message('2') + message('G'));
  session.from_client(message('d', "1\n"));
  EXPECT_FALSE(session.is_at_rest());
  session.from_client(message('c') + message('S'));
  EXPECT_FALSE(session.is_at_rest());
  session.from_server(message('C') + message('Z', "I"));
  EXPECT_TRUE(session.is_at_rest());
}

TEST(Conversation, CountsTheOneAnswerOfACopyInTheSimpleProtocol) {
  Conversation session = begun();
  session.from_client(message('Q', "copy t from stdin"));
  session.from_server(message('G'));
  session.from_client(message('d', "1\n") + message('c'));
  EXPECT_FALSE(session.is_at_rest());
  session.from_server(message('C') + message('Z', "I"));
  EXPECT_TRUE(session.is_at_rest());
}

TEST(Conversation, ToleratesWhatIsLeftOfACopyThatFailed) {
  Conversation session = begun();
  session.from_client(message('Q', "copy t from stdin"));
  session.from_server(message('G'));
  session.from_server(message('E', "SERROR\0C22P04\0Mx\0\0"sv) + message('Z', "I"));
  session.from_client(message('d', "1\n") + message('c'));
  EXPECT_TRUE(session.is_at_rest());
  EXPECT_FALSE(session.farewell());
}

TEST(Conversation, IsNeverAtRestWhenItStreamsWal) {
  Conversation session = begun();
  session.from_client(message('Q', "START_REPLICATION 0/0"));
  session.from_server(message('W'));
  session.from_server(message('Z', "I"));
  EXPECT_FALSE(session.is_at_rest());
}

TEST(Conversation, HearsTheServersFarewell) {
  Conversation session = begun();
  session.from_server(message('E', "SERROR\0VERROR\0C42601\0Mx\0\0"sv));
  EXPECT_FALSE(session.farewell());
  session.from_server(message('E', "SFATAL\0VFATAL\0C57P01\0Mbye\0\0"sv));
  ASSERT_TRUE(session.farewell());
  EXPECT_EQ(session.farewell()->sqlstate, "57P01");
}

TEST(Conversation, HearsTheClientsFarewell) {
  Conversation session = begun();
  EXPECT_FALSE(session.is_leaving());
  session.from_client(message('X'));
  EXPECT_TRUE(session.is_leaving());
}

TEST(Conversation, PassesOverLargeResultsWithoutKeepingThem) {
  Conversation session = begun();
  session.from_client(message('Q', "select big"));
  std::string rows;
  for (int row = 0; row < 100; ++row)
    rows += message('D', std::string(10000, 'x'));
  session.from_server(std::string_view(rows).substr(0, 500001));
  EXPECT_FALSE(session.is_between_messages());
  session.from_server(std::string_view(rows).substr(500001));
  EXPECT_TRUE(session.is_between_messages());
  session.from_server(message('Z', "I"));
  EXPECT_TRUE(session.is_at_rest());
}

TEST(Conversation, GoesBlindAtBytesThatAreNoMessages) {
  Conversation session = begun();
  session.from_client("Q\0\0\0\3"sv);
  EXPECT_FALSE(session.is_readable());
  EXPECT_FALSE(session.is_at_rest());
  EXPECT_FALSE(session.is_between_messages());
  session.from_server(message('Z', "I"));
  EXPECT_EQ(session.answers(), 0U);
}

// Cut anywhere, the same stream means the same; nonsense means nothing, and never a crash.
TEST(Conversation, SurvivesWhateverComes) {
  Dice dice(21);
  const std::string stream = welcome() + message('E', "SFATAL\0C57P01\0Mx\0\0"sv) +
                             message('D', std::string(300, 'r')) + message('Z', "T");
  for (int round = 0; round < 20000; ++round) {
    std::string bytes = stream;
    bytes[static_cast<std::size_t>(dice.between(0, static_cast<std::int64_t>(bytes.size()) - 1))] =
        static_cast<char>(dice.between(0, 255));
    Conversation session;
    const auto cut =
        static_cast<std::size_t>(dice.between(0, static_cast<std::int64_t>(bytes.size())));
    session.from_server(std::string_view(bytes).substr(0, cut));
    session.from_server(std::string_view(bytes).substr(cut));
    session.from_client(bytes);
    Conversation whole;
    whole.from_server(bytes);
    whole.from_client(bytes);
    EXPECT_EQ(session.is_readable(), whole.is_readable());
    EXPECT_EQ(session.answers(), whole.answers());
    EXPECT_EQ(session.is_at_rest(), whole.is_at_rest());
    EXPECT_EQ(session.cancel_key(), whole.cancel_key());
  }
}

}  // namespace
}  // namespace pgherd::pgwire::test
