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

// Of the output of pg_waldump --stats=record; nullopt if it is not that.
[[nodiscard]] std::optional<LostWal> parse_waldump_statistics(std::string_view text);

// PostgreSQL is stopped. Nothing is counted where it cannot be told: pg_waldump is missing, or
// takes more than a few seconds. The context has it from then on, for who asks what is here only.
[[nodiscard]] boost::asio::awaitable<std::optional<LostWal>> count_lost_wal(
    ActContext& context, const ActControl& control, Fork fork);

// Copies the segments from the fork on, and the timeline's history file, to a folder of its own in
// postgresql.diverged_wal_directory, forced to disk, with a text that says what they are. Folders
// of earlier forks give way, oldest first, where postgresql.diverged_wal_limit would be exceeded;
// what does not fit is left out at the end. Returns what became of it, as the rest of a sentence,
// and notes in the context where it is.
[[nodiscard]] boost::asio::awaitable<std::string> keep_lost_wal(ActContext& context,
                                                                const ActControl& control,
                                                                Fork fork);

}  // namespace pgherd
