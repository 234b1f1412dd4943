// ErrorResponse both ways (PostgreSQL manual, 53.8): what the router says to a client whom it
// refuses or cuts off, and what a server says when it refuses the router.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace pgherd::pgwire {

// SQLSTATEs that the router gives or looks for (PostgreSQL manual, appendix A).
inline constexpr const char* kAdminShutdown = "57P01";
inline constexpr const char* kCannotConnectNow = "57P03";
inline constexpr const char* kTooManyConnections = "53300";
inline constexpr const char* kConnectionFailure = "08006";

struct ErrorText {
  std::string sqlstate;  // five characters
  std::string message;
  std::string detail;  // may be empty, as the hint
  std::string hint;
  friend bool operator==(const ErrorText&, const ErrorText&) = default;
};

// The whole message with severity FATAL: the connection ends after it. NULs in texts become blanks.
[[nodiscard]] std::string write_fatal(const ErrorText& error);

struct ErrorReply {
  std::string severity;  // never translated, if the server is 9.6 or later: "FATAL", "ERROR"
  std::string sqlstate;
  std::string message;
  [[nodiscard]] bool ends_the_session() const { return severity == "FATAL" || severity == "PANIC"; }
  friend bool operator==(const ErrorReply&, const ErrorReply&) = default;
};
// The body of an ErrorResponse, without type and length. nullopt: it is none.
[[nodiscard]] std::optional<ErrorReply> read_error(std::string_view body);

}  // namespace pgherd::pgwire
