// PGHERD_CHECK(condition, "what would have gone wrong"): for what cannot be. Kept in release
// builds. Ends the process with the message; PostgreSQL goes on under the guardian's eye.
#pragma once

#include <source_location>
#include <string_view>

namespace pgherd {

[[noreturn]] void check_failed(std::string_view condition, std::string_view consequence,
                               const std::source_location& where);

}  // namespace pgherd

#define PGHERD_CHECK(condition, consequence)                                              \
  do {                                                                                    \
    if (!(condition)) [[unlikely]]                                                        \
      ::pgherd::check_failed(#condition, (consequence), std::source_location::current()); \
  } while (false)
