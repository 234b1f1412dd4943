// HTTP Basic authentication (RFC 7617), both sides. Pure.
#pragma once

#include <string>
#include <string_view>

#include "model/agent_config.h"

namespace pgherd {

// "Basic dXNlcjpwYXNz"
[[nodiscard]] std::string basic_authorization(const Credentials& credentials);

enum class Authorization { Granted, Missing, Wrong };
// `header`: the Authorization header as it came, "" when there was none. Takes as long for a nearly
// right password as for a wrong one.
[[nodiscard]] Authorization check_authorization(const Credentials& expected,
                                                std::string_view header);

}  // namespace pgherd
