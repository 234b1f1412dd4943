// Lsn: a position in the write-ahead log, in bytes from the beginning of time. PostgreSQL prints it
// as two hexadecimal halves, "16/B374D848" (PostgreSQL manual, 8.20 pg_lsn); etcd holds it in
// decimal.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace pgherd {

struct Lsn {
  std::uint64_t bytes = 0;

  [[nodiscard]] constexpr bool is_known() const { return bytes != 0; }
  friend constexpr auto operator<=>(Lsn, Lsn) = default;
};

// How far `behind` is behind `ahead`, in bytes; 0 when it is not behind at all.
[[nodiscard]] constexpr std::uint64_t lag_bytes(Lsn ahead, Lsn behind) {
  return ahead.bytes > behind.bytes ? ahead.bytes - behind.bytes : 0;
}

// "16/B374D848": upper-case hexadecimal without padding, as PostgreSQL 17 prints it.
[[nodiscard]] std::string to_string(Lsn lsn);

// Accepts 1..8 hexadecimal digits, a slash, 1..8 hexadecimal digits, and nothing else.
[[nodiscard]] std::optional<Lsn> parse_lsn(std::string_view text);

}  // namespace pgherd
