// Numbers and numbers with units as PostgreSQL reads them in its configuration (PostgreSQL manual,
// 20.1.1 "Parameter Names and Values"): decimal, 0x hexadecimal, 0 octal, a fraction, and a unit
// whose case matters. Blanks may surround number and unit. nullopt for everything else.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/instant.h"

namespace pgherd {

// "30", "-1", "0x1e", "036"; no fraction, no unit.
[[nodiscard]] std::optional<std::int64_t> parse_integer(std::string_view text);

// Bytes. Units B, kB, MB, GB, TB; a bare number counts in `bare_unit` bytes ("16384" of
// shared_buffers counts in 8192).
[[nodiscard]] std::optional<std::int64_t> parse_memory(std::string_view text,
                                                       std::int64_t bare_unit = 1);

// Units us, ms, s, min, h, d; a bare number counts in `bare_unit` ("5" of a timeout in ms: 1ms).
[[nodiscard]] std::optional<Duration> parse_duration(std::string_view text,
                                                     Duration bare_unit = 1s);

}  // namespace pgherd
