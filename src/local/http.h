// One GET to a program of the herd on loopback, waited for. For commands that poll, not for a loop
// that has other things to do.
#pragma once

#include <optional>
#include <string>

#include "rest/client.h"

namespace pgherd::local {

[[nodiscard]] Result<HttpAnswer, HttpError> http_get(
    int port, const std::string& target, std::optional<Credentials> authentication = std::nullopt,
    Milliseconds patience = 1s);

}  // namespace pgherd::local
