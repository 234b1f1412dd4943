// Reading JSON that somebody else wrote: nothing throws, numbers may come as strings and booleans
// in PostgreSQL's spellings. It shows nlohmann-json: besides this room only `rest`, whose bodies
// are JSON, includes it; others see text.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "model/lsn.h"

namespace pgherd {

// Keeps the order of keys: what a person wrote is shown to people again.
using Json = nlohmann::ordered_json;

// nullopt for everything that is no JSON text, that is nested deeper than any value of ours could
// be (writing it back would exhaust the stack), or that is not UTF-8.
[[nodiscard]] std::optional<Json> read_json(std::string_view text);
// As read_json, and nullopt for anything but an object.
[[nodiscard]] std::optional<Json> read_json_object(std::string_view text);
// Compact. Bytes that are no UTF-8 become U+FFFD: a strange member name must not stop a heartbeat.
[[nodiscard]] std::string write_json(const Json& value);

// The value of `key`, or nullptr when `object` is none, has no such key, or has null there.
[[nodiscard]] const Json* find(const Json& object, std::string_view key);

// true, "on", "Yes", 1, "1"...; nullopt for what is neither true nor false.
[[nodiscard]] std::optional<bool> as_bool(const Json& value);
[[nodiscard]] std::optional<bool> parse_bool(std::string_view text);
// 30, 30.9 (30), "30", " 0x1e "; never a unit.
[[nodiscard]] std::optional<std::int64_t> as_integer(const Json& value);
// A position in bytes; nullopt for what is negative or no number.
[[nodiscard]] std::optional<Lsn> as_lsn(const Json& value);
// A string as it is, a number or boolean as it would be written; "" for null, objects and arrays.
[[nodiscard]] std::string as_text(const Json& value);
// as_text of the value of `key`.
[[nodiscard]] std::string text_of(const Json& object, std::string_view key);
// What a dynamic language takes for true: not null, false, 0, "" or empty.
[[nodiscard]] bool is_truthy(const Json& value);

}  // namespace pgherd
