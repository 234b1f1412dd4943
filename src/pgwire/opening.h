// What a client may say before a session exists (PostgreSQL manual, 53.2.1 and 53.7): requests for
// encryption, a request to cancel somebody's statement, the startup message. Pure: values in,
// values out; anything may come in.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

namespace pgherd::pgwire {

// PostgreSQL's own limit (MAX_STARTUP_PACKET_LENGTH): what follows the length word.
inline constexpr std::size_t kOpeningBodyMax = 10000;
inline constexpr std::size_t kOpeningMax = kOpeningBodyMax + 4;
// Of protocol 3.0 four bytes, of 3.2 up to 256.
inline constexpr std::size_t kCancelKeyMin = 4;
inline constexpr std::size_t kCancelKeyMax = 256;

// The packet is not there yet as a whole; `bytes_in_all` of it must be, as far as can be said now.
struct NeedMore {
  std::size_t bytes_in_all = 4;
  friend bool operator==(const NeedMore&, const NeedMore&) = default;
};
struct SslRequest {
  friend bool operator==(const SslRequest&, const SslRequest&) = default;
};
struct GssencRequest {
  friend bool operator==(const GssencRequest&, const GssencRequest&) = default;
};
struct CancelRequest {
  std::uint32_t pid = 0;
  std::string key;
  friend bool operator==(const CancelRequest&, const CancelRequest&) = default;
};
struct StartupMessage {
  unsigned minor = 0;  // of protocol 3
  std::string user;
  std::string database;  // the user's name unless the client says another
  std::string application_name;
  bool is_replication = false;  // a walsender is asked for, physical or logical
  friend bool operator==(const StartupMessage&, const StartupMessage&) = default;
};
// A TLS handshake without a request for it (PostgreSQL 17, sslnegotiation=direct).
struct DirectTls {
  friend bool operator==(const DirectTls&, const DirectTls&) = default;
};
// Whoever this is speaks another language (a port scan, HTTP): nothing is to be answered.
struct Foreign {
  friend bool operator==(const Foreign&, const Foreign&) = default;
};
// The client is to be refused with this SQLSTATE and text.
struct Malformed {
  std::string sqlstate;
  std::string why;
  friend bool operator==(const Malformed&, const Malformed&) = default;
};
using OpeningMessage = std::variant<NeedMore, SslRequest, GssencRequest, CancelRequest,
                                    StartupMessage, DirectTls, Foreign, Malformed>;

struct Opening {
  OpeningMessage message;
  std::size_t size = 0;  // bytes that belong to it; 0 when it is not there as a whole, or no packet
};

// The first message in `bytes`, of which more may be there. What cannot become a message is refused
// as early as it can be known, so nobody has to keep more than kOpeningMax bytes.
[[nodiscard]] Opening read_opening(std::string_view bytes);

// A CancelRequest as it goes to a server.
[[nodiscard]] std::string write_cancel(const CancelRequest& request);

}  // namespace pgherd::pgwire
