// Whatever is written is read back the same; whatever is read breaks nothing.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>

#include "base/dice.h"
#include "codec/dcs_values.h"
#include "codec/dynamic_config.h"
#include "codec/json_reading.h"
#include "codec/postgres_settings.h"
#include "codec/tags.h"
#include "codec/time_values.h"

namespace pgherd {
namespace {

// Characters that mean something to JSON or YAML, and some that mean nothing.
std::string a_text(Dice& dice, int longest = 12) {
  static const std::vector<std::string> kPieces = {"a",
                                                   "B",
                                                   "7",
                                                   "0",
                                                   " ",
                                                   "\"",
                                                   "\\",
                                                   "'",
                                                   ":",
                                                   "#",
                                                   "-",
                                                   "?",
                                                   "{",
                                                   "]",
                                                   ",",
                                                   "\n",
                                                   "\t",
                                                   "é",
                                                   "\xE2\x82\xAC",
                                                   "\xF0\x9F\x90\x98",
                                                   "\xE2\x80\xA8",
                                                   "\x01",
                                                   "yes",
                                                   "null",
                                                   "1.5",
                                                   ": ",
                                                   " #"};
  std::string text;
  for (std::int64_t length = dice.between(0, longest); length > 0; --length) {
    text += kPieces[static_cast<std::size_t>(
        dice.between(0, static_cast<std::int64_t>(kPieces.size()) - 1))];
  }
  return text;
}

std::string a_name(Dice& dice) {
  return "n" + std::to_string(dice.between(0, 20));
}
Lsn an_lsn(Dice& dice) {
  return Lsn{dice.next() >> static_cast<unsigned>(dice.between(0, 63))};
}

Json a_value(Dice& dice, int depth) {
  const std::int64_t kind = dice.between(0, depth > 0 ? 8 : 5);
  switch (kind) {
    case 0:
      return nullptr;
    case 1:
      return dice.chance(50);
    case 2:
      return dice.between(-1000, 1'000'000'000'000);
    case 3:
      return static_cast<double>(dice.between(-100000, 100000)) / 64;
    case 4:
    case 5:
      return a_text(dice);
    case 6: {
      Json list = Json::array();
      for (std::int64_t left = dice.between(0, 3); left > 0; --left) {
        list.push_back(a_value(dice, depth - 1));
      }
      return list;
    }
    default: {
      Json object = Json::object();
      for (std::int64_t left = dice.between(0, 4); left > 0; --left) {
        object[a_name(dice)] = a_value(dice, depth - 1);
      }
      return object;
    }
  }
}

Json a_config(Dice& dice) {
  Json config = Json::object();
  for (std::int64_t left = dice.between(0, 6); left > 0; --left) {
    config[a_name(dice)] = a_value(dice, 3);
  }
  return config;
}

Member a_member(Dice& dice) {
  Member member;
  member.name = a_name(dice);
  member.conn_url = "p" + a_text(dice);
  member.api_url = a_text(dice);
  member.proxy_url = a_text(dice);
  if (dice.chance(90)) member.state = static_cast<MemberState>(dice.between(0, 14));
  if (dice.chance(90)) member.role = static_cast<MemberRole>(dice.between(0, 5));
  member.version = "4.1." + std::to_string(dice.between(0, 9));
  if (dice.chance(50)) member.tags = decode_tags(write_json(a_config(dice)));
  if (dice.chance(50)) member.xlog_location = an_lsn(dice);
  if (dice.chance(50)) member.receive_lsn = an_lsn(dice);
  if (dice.chance(50)) member.replay_lsn = an_lsn(dice);
  if (dice.chance(50)) member.replication_state = "streaming";
  if (dice.chance(50)) member.timeline = Timeline{static_cast<std::uint32_t>(dice.between(1, 99))};
  member.checkpoint_after_promote_is_pending = dice.chance(50);
  member.pending_restart = dice.chance(50);
  if (dice.chance(50)) {
    member.pending_restart_reason[a_text(dice)] = {.old_value = a_text(dice),
                                                   .new_value = a_text(dice)};
  }
  member.pause = dice.chance(50);
  if (dice.chance(30)) member.scheduled_restart = R"({"schedule":"2026-08-01T03:00:00+00:00"})";
  return member;
}

constexpr int kRounds = 1000;

TEST(RoundTrip, OfMembers) {
  Dice dice(21);
  for (int i = 0; i < kRounds; ++i) {
    const Member member = a_member(dice);
    EXPECT_EQ(decode_member(member.name, encode_member(member)), member) << encode_member(member);
  }
}

TEST(RoundTrip, OfStatus) {
  Dice dice(22);
  for (int i = 0; i < kRounds; ++i) {
    StatusKey status{.optime = an_lsn(dice)};
    for (std::int64_t left = dice.between(0, 4); left > 0; --left) {
      status.slots[a_text(dice)] = an_lsn(dice);
      status.retain_slots.push_back(a_text(dice));
    }
    std::sort(status.retain_slots.begin(), status.retain_slots.end());
    EXPECT_EQ(decode_status(encode_status(status)), status);
  }
}

TEST(RoundTrip, OfHistory) {
  Dice dice(23);
  for (int i = 0; i < kRounds; ++i) {
    std::vector<HistoryRow> rows;
    for (std::int64_t left = dice.between(0, 5); left > 0; --left) {
      rows.push_back({.parent = Timeline{static_cast<std::uint32_t>(dice.between(1, 1000))},
                      .switched_at = an_lsn(dice),
                      .reason = a_text(dice),
                      .timestamp = a_text(dice),
                      .new_leader = a_text(dice)});
    }
    EXPECT_EQ(decode_history(encode_history(rows)), rows);
  }
}

TEST(RoundTrip, OfFailoverRequests) {
  Dice dice(24);
  for (int i = 0; i < kRounds; ++i) {
    FailoverRequest request;
    if (dice.chance(60)) request.leader = "a" + a_text(dice);
    if (!request.leader || dice.chance(60)) request.candidate = "b" + a_text(dice);
    if (dice.chance(50)) {
      request.scheduled_at = WallTime{dice.between(0, 4'000'000'000'000'000)};
      request.scheduled_east = std::chrono::minutes(dice.between(-840, 840));
    }
    EXPECT_EQ(decode_failover(encode_failover(request)), request) << encode_failover(request);
  }
}

TEST(RoundTrip, OfSync) {
  Dice dice(25);
  for (int i = 0; i < kRounds; ++i) {
    SyncKey sync{.leader = a_name(dice), .quorum = static_cast<int>(dice.between(0, 5))};
    for (std::int64_t left = dice.between(0, 4); left > 0; --left) {
      sync.standbys.push_back(a_name(dice));
    }
    std::sort(sync.standbys.begin(), sync.standbys.end());
    EXPECT_EQ(decode_sync(encode_sync(sync)), sync);
  }
}

TEST(RoundTrip, OfAConfigurationThroughYaml) {
  Dice dice(26);
  for (int i = 0; i < kRounds; ++i) {
    const std::string config = write_json(a_config(dice));
    const auto yaml = config_to_yaml(config);
    ASSERT_TRUE(yaml);
    const auto back = yaml_to_json(*yaml);
    ASSERT_TRUE(back) << back.error() << "\n" << *yaml;
    EXPECT_TRUE(is_same_config(config, *back)) << config << "\n" << *yaml << "\n" << *back;
  }
}

TEST(RoundTrip, APatchAppliedTwiceIsAppliedOnce) {
  Dice dice(27);
  for (int i = 0; i < kRounds; ++i) {
    const std::string config = write_json(a_config(dice));
    const std::string patch = write_json(a_config(dice));
    const auto once = merge_patch(config, patch);
    ASSERT_TRUE(once);
    // A null that went into a new subtree is taken out by the second time.
    const auto twice = merge_patch(*once, patch);
    EXPECT_EQ(merge_patch(*twice, patch), twice) << config << "\n" << patch;
    EXPECT_EQ(merge_patch(config, "{}"), config);
    EXPECT_TRUE(is_same_config(*merge_patch(config, config), config) ||
                config.find("null") != std::string::npos);
  }
}

// Cut, flipped and doubled values: what readers of a store must survive.
TEST(Rubbish, BreaksNoReader) {
  Dice dice(28);
  for (int i = 0; i < 3000; ++i) {
    std::string text = dice.chance(50) ? encode_member(a_member(dice)) : write_json(a_config(dice));
    for (std::int64_t left = dice.between(1, 4); left > 0 && !text.empty(); --left) {
      const auto at =
          static_cast<std::size_t>(dice.between(0, static_cast<std::int64_t>(text.size()) - 1));
      if (dice.chance(50)) {
        text[at] = static_cast<char>(dice.between(0, 255));
      } else {
        text.resize(at);
      }
    }
    (void)encode_member(decode_member("a", text));
    (void)encode_status(decode_status(text));
    (void)decode_history(text);
    (void)decode_failover(text);
    (void)decode_sync(text);
    (void)decode_failsafe(text);
    (void)decode_settings(text);
    (void)merge_dynamic({}, text);
    (void)yaml_to_json(text);
    (void)parse_time(text);
  }
}

}  // namespace
}  // namespace pgherd
