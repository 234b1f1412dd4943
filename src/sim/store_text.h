// What the store's keys say, read for the referee: with the JSON library and nothing of codec, so
// that an error there is no excuse here. Whatever cannot be read says nothing.
#pragma once

#include <cstdint>
#include <set>
#include <string>

#include "model/ids.h"

namespace pgherd::sim {

// A field as text: of a string its content, of anything else its JSON; "" when it is absent or
// null.
[[nodiscard]] std::string text_at(const std::string& json, const std::string& field);
[[nodiscard]] std::int64_t number_at(const std::string& json, const std::string& field);
// "a,b" of a field as {a, b}.
[[nodiscard]] std::set<NodeName> names_at(const std::string& json, const std::string& field);
// The fields of an object.
[[nodiscard]] std::set<std::string> fields_of(const std::string& json);
// The last timeline that `/history` says was left; 0 when it knows of none.
[[nodiscard]] std::uint32_t last_left_timeline(const std::string& history);

}  // namespace pgherd::sim
