// What a person should do about a text that is no YAML, guessed from the line at which reading
// ended: the library's messages are about its grammar. For the codec room only.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace pgherd {

// `line` counts from 0. "" when the line shows none of the usual mistakes.
[[nodiscard]] std::string advice_for_yaml(std::string_view text, std::size_t line);

}  // namespace pgherd
