#include "rest/config_patch.h"

#include "codec/dcs_values.h"
#include "codec/json_reading.h"

namespace pgherd {
namespace {

constexpr int kBadRequest = 400;
constexpr int kNoConfig = 503;

Result<Json, Refusal> read_body(std::string_view body) {
  auto object = read_json_object(body);
  if (!object || object->empty()) {
    return fail(Refusal{kBadRequest, "the request body is not a JSON object with content"});
  }
  return std::move(*object);
}

// 1 and "1" are the same setting: people's YAML, JSON and shells do not agree on quotes.
bool is_spelled_alike(const Json& one, const Json& other) {
  if (one.is_structured() || other.is_structured()) {
    if (one.type() != other.type() || one.size() != other.size()) return false;
    for (const auto& item : one.items()) {
      const Json* there = nullptr;
      if (one.is_array()) {
        there = &other[std::stoul(item.key())];
      } else if (const auto found = other.find(item.key()); found != other.end()) {
        there = &*found;
      }
      if (there == nullptr || !is_spelled_alike(item.value(), *there)) return false;
    }
    return true;
  }
  if (one.is_null() || other.is_null()) return one.is_null() == other.is_null();
  return as_text(one) == as_text(other);
}

bool merge(Json& into, const Json& patch) {
  bool has_changed = false;
  for (const auto& item : patch.items()) {
    const auto there = into.find(item.key());
    if (item.value().is_null()) {
      has_changed |= into.erase(item.key()) > 0;
    } else if (there == into.end()) {
      into[item.key()] = item.value();
      has_changed = true;
    } else if (item.value().is_object() && there->is_object()) {
      has_changed |= merge(*there, item.value());
    } else if (!is_spelled_alike(*there, item.value())) {
      *there = item.value();
      has_changed = true;
    }
  }
  return has_changed;
}

Result<ConfigChange, Refusal> accepted(const ConfigKey& stored, const Json& config,
                                       bool has_changed) {
  ConfigChange change{.json = write_json(config), .has_changed = has_changed};
  if (!has_changed || !decode_settings(stored.json)) return change;
  if (const auto settings = decode_settings(change.json); !settings) {
    return fail(
        Refusal{kBadRequest, "no member could use this configuration: " + settings.error()});
  }
  return change;
}

}  // namespace

Result<ConfigChange, Refusal> patched_config(const ConfigKey& stored, std::string_view body) {
  const auto patch = read_body(body);
  if (!patch) return fail(patch.error());
  auto config = read_json_object(stored.json);
  if (!config) {
    return fail(Refusal{kNoConfig,
                        "the stored configuration is not a JSON object; replace it "
                        "with PUT /config"});
  }
  const bool has_changed = merge(*config, *patch);
  return accepted(stored, *config, has_changed);
}

Result<ConfigChange, Refusal> replaced_config(const ConfigKey& stored, std::string_view body) {
  const auto wanted = read_body(body);
  if (!wanted) return fail(wanted.error());
  const auto config = read_json_object(stored.json);
  return accepted(stored, *wanted, !config || !is_spelled_alike(*config, *wanted));
}

}  // namespace pgherd
