#include "pgwire/opening.h"

#include <gtest/gtest.h>

#include "base/dice.h"
#include "pgwire/wire.h"

namespace pgherd::pgwire::test {
namespace {

using namespace std::string_literals;

template <typename T>
T read_as(const std::string& bytes) {
  const Opening opening = read_opening(bytes);
  const T* found = std::get_if<T>(&opening.message);
  EXPECT_NE(found, nullptr) << "it became variant " << opening.message.index();
  return found == nullptr ? T{} : *found;
}

TEST(Opening, TellsTheRequestsForEncryptionApart) {
  read_as<SslRequest>(packet(kSsl));
  read_as<GssencRequest>(packet(kGssenc));
  read_as<DirectTls>("\x16\x03\x01");
}

TEST(Opening, LeavesWhatFollowsToTheNextCall) {
  const std::string bytes = packet(kSsl) + startup({{"user", "ann"}});
  EXPECT_EQ(read_opening(bytes).size, 8U);
  EXPECT_EQ(read_as<StartupMessage>(bytes.substr(8)).user, "ann");
}

TEST(Opening, ReadsTheStartupMessage) {
  const auto message = read_as<StartupMessage>(startup({{"user", "ann"},
                                                        {"database", "shop"},
                                                        {"application_name", "till"},
                                                        {"search_path", "a,b"}}));
  EXPECT_EQ(message,
            (StartupMessage{.user = "ann", .database = "shop", .application_name = "till"}));
}

TEST(Opening, TakesTheUsersNameForTheDatabaseWhenNoneIsNamed) {
  EXPECT_EQ(read_as<StartupMessage>(startup({{"user", "ann"}})).database, "ann");
}

TEST(Opening, KnowsWalsenders) {
  for (const char* word : {"true", "on", "1", "database", "DATABASE"}) {
    EXPECT_TRUE(
        read_as<StartupMessage>(startup({{"user", "r"}, {"replication", word}})).is_replication)
        << word;
  }
  EXPECT_FALSE(
      read_as<StartupMessage>(startup({{"user", "r"}, {"replication", "off"}})).is_replication);
}

// libpq of PostgreSQL 18 asks for 3.2, that of 19 for 3.9999: the server negotiates.
TEST(Opening, PassesNewerMinorVersionsAndProtocolExtensions) {
  EXPECT_EQ(read_as<StartupMessage>(startup({{"user", "ann"}}, 0x00030002)).minor, 2U);
  EXPECT_EQ(read_as<StartupMessage>(
                startup({{"user", "ann"}, {"_pq_.test_protocol_negotiation", ""}}, 0x0003270F))
                .minor,
            9999U);
}

TEST(Opening, RefusesOtherMajorVersions) {
  EXPECT_EQ(read_as<Malformed>(startup({{"user", "ann"}}, 0x00020000)).sqlstate, "0A000");
  EXPECT_EQ(read_as<Malformed>(startup({{"user", "ann"}}, 0x00040000)).sqlstate, "0A000");
}

TEST(Opening, RefusesAStartupWithoutAUser) {
  EXPECT_EQ(read_as<Malformed>(startup({{"database", "shop"}})).sqlstate, "28000");
  EXPECT_EQ(read_as<Malformed>(startup({})).sqlstate, "28000");
}

TEST(Opening, ReadsCancelRequestsWithShortAndLongKeys) {
  const auto request = read_as<CancelRequest>(packet(kCancel, u32(4711) + u32(0xCAFE)));
  EXPECT_EQ(request, (CancelRequest{.pid = 4711, .key = u32(0xCAFE)}));
  const std::string long_key(256, 'k');
  const auto long_one = read_as<CancelRequest>(packet(kCancel, u32(1) + long_key));
  EXPECT_EQ(long_one.key, long_key);
  EXPECT_EQ(read_as<CancelRequest>(write_cancel(long_one)), long_one);
}

TEST(Opening, RefusesCancelRequestsWhoseKeyCannotBeOne) {
  EXPECT_EQ(read_as<Malformed>(packet(kCancel, u32(1) + "abc")).sqlstate, "08P01");
  EXPECT_EQ(read_as<Malformed>(packet(kCancel, u32(1) + std::string(257, 'k'))).sqlstate, "08P01");
  EXPECT_EQ(read_as<Malformed>(packet(kCancel)).sqlstate, "08P01");
}

TEST(Opening, RefusesRequestsForEncryptionOfAWrongLength) {
  EXPECT_EQ(read_as<Malformed>(packet(kSsl, "more")).sqlstate, "08P01");
  EXPECT_EQ(read_as<Malformed>(packet(kGssenc, "x")).sqlstate, "08P01");
}

TEST(Opening, RefusesWhatIsTooLongAsSoonAsItsLengthIsThere) {
  EXPECT_EQ(read_as<Malformed>(u32(kOpeningMax + 1)).sqlstate, "08P01");
  EXPECT_EQ(read_as<Malformed>(u32(7)).sqlstate, "08P01");
  EXPECT_EQ(read_as<Malformed>(u32(0)).sqlstate, "08P01");
  std::string longest = startup({{"user", "ann"}, {"options", std::string(9970, 'o')}});
  longest = startup(
      {{"user", "ann"}, {"options", std::string(9970 + kOpeningMax - longest.size(), 'o')}});
  ASSERT_EQ(longest.size(), kOpeningMax);
  EXPECT_EQ(read_as<StartupMessage>(longest).user, "ann");
}

TEST(Opening, RefusesParametersWithoutAnEnd) {
  EXPECT_EQ(read_as<Malformed>(packet(0x00030000, "user")).sqlstate, "08P01");
  EXPECT_EQ(read_as<Malformed>(packet(0x00030000, "user\0ann"sv)).sqlstate, "08P01");
  EXPECT_EQ(read_as<Malformed>(packet(0x00030000, "user\0ann\0"sv)).sqlstate, "08P01");
  EXPECT_EQ(read_as<Malformed>(packet(0x00030000, "user\0ann\0\0more"sv)).sqlstate, "08P01");
}

TEST(Opening, SaysNothingToOtherProtocols) {
  read_as<Foreign>("GET / HTTP/1.1\r\n");
  read_as<Foreign>("\x01");
  read_as<Foreign>("\0\x01\0\0"s);
}

TEST(Opening, WaitsForTheRestWhereverItIsCut) {
  for (const std::string& whole :
       {packet(kSsl), packet(kCancel, u32(1) + u32(2)), startup({{"user", "ann"}})}) {
    for (std::size_t size = 0; size < whole.size(); ++size) {
      const auto need = read_as<NeedMore>(whole.substr(0, size));
      EXPECT_GT(need.bytes_in_all, size);
      EXPECT_LE(need.bytes_in_all, whole.size());
    }
  }
}

// Whatever comes: no crash, and no more is asked for than a packet can have.
TEST(Opening, SurvivesWhateverComes) {
  Dice dice(20);
  const std::string seed = startup({{"user", "ann"}, {"database", "shop"}});
  for (int round = 0; round < 20000; ++round) {
    std::string bytes = seed;
    for (std::int64_t change = dice.between(1, 6); change > 0; --change) {
      bytes[static_cast<std::size_t>(
          dice.between(0, static_cast<std::int64_t>(bytes.size()) - 1))] =
          static_cast<char>(dice.between(0, 255));
    }
    bytes.resize(
        static_cast<std::size_t>(dice.between(0, static_cast<std::int64_t>(bytes.size()))));
    const Opening opening = read_opening(bytes);
    EXPECT_LE(opening.size, bytes.size());
    if (const auto* need = std::get_if<NeedMore>(&opening.message)) {
      EXPECT_GT(need->bytes_in_all, bytes.size());
      EXPECT_LE(need->bytes_in_all, kOpeningMax);
    }
  }
}

}  // namespace
}  // namespace pgherd::pgwire::test
