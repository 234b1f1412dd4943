// What a diverged data directory has that its cluster has not: told before anybody decides about
// it, and kept before pg_rewind or a fresh copy takes it away. PostgreSQL calls it gone; for
// whoever has to find out what a customer had been promised it is the only trace.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "postgres/local/act_context.h"
#include "postgres/local/divergence.h"

namespace pgherd {

// What pg_waldump counts from the fork to the end of the local write-ahead log.
struct LostWal {
  Lsn from;
  Lsn to;
  std::uint64_t records = 0;
  std::uint64_t commits = 0;
  std::uint64_t aborts = 0;
  bool operator==(const LostWal&) const = default;
};

// Of the output of pg_waldump --stats=record; nullopt if it is not that.
[[nodiscard]] std::optional<LostWal> parse_waldump_statistics(std::string_view text);

// "0/A000348 to 0/A031A70: 340 records, 12 commits, 1 abort". PostgreSQL is stopped. "" when it
// cannot be told: pg_waldump is missing, or takes more than a few seconds.
[[nodiscard]] boost::asio::awaitable<std::string> describe_lost_wal(ActContext& context,
                                                                    const ActControl& control,
                                                                    Fork fork);

// Copies the segments from the fork on, and the timeline's history file, to a folder of its own in
// postgresql.diverged_wal_directory, forced to disk, with a text that says what they are. Folders
// of earlier forks give way, oldest first, where postgresql.diverged_wal_limit would be exceeded;
// what does not fit is left out at the end. Returns what became of it, as the rest of a sentence.
[[nodiscard]] boost::asio::awaitable<std::string> keep_lost_wal(ActContext& context,
                                                                const ActControl& control,
                                                                Fork fork);

}  // namespace pgherd
