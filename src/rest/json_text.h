// JSON as text for people and scripts: a blank behind ',' and ':', non-ASCII escaped. Patroni's
// users grep for `"role": "primary"`, so the blanks matter. Bytes that are no UTF-8 become U+FFFD.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

namespace pgherd {

[[nodiscard]] std::string spaced_text(const nlohmann::ordered_json& value);

}  // namespace pgherd
