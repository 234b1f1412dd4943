// Reading numbers out of protocol bytes: all are big-endian.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace pgherd::pgwire {

// Precondition: four bytes are there.
[[nodiscard]] inline std::uint32_t read_u32(std::string_view bytes) {
  const auto at = [bytes](std::size_t i) {
    return static_cast<std::uint32_t>(static_cast<unsigned char>(bytes[i]));
  };
  return (at(0) << 24U) | (at(1) << 16U) | (at(2) << 8U) | at(3);
}

inline void append_u32(std::string& bytes, std::uint32_t number) {
  for (const unsigned shift : {24U, 16U, 8U, 0U})
    bytes += static_cast<char>((number >> shift) & 0xFFU);
}

}  // namespace pgherd::pgwire
