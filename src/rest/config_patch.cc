#include "rest/config_patch.h"

#include <utility>

#include "codec/dcs_values.h"
#include "codec/dynamic_config.h"
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

Result<ConfigChange, Refusal> accepted(const ConfigKey& stored, std::string json) {
  const bool has_changed = !is_same_config(stored.json, json);
  ConfigChange change{.json = std::move(json), .has_changed = has_changed};
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
  auto merged = merge_patch(stored.json, body);
  if (!merged) {
    return fail(Refusal{kNoConfig,
                        "the stored configuration is not a JSON object; replace it "
                        "with PUT /config"});
  }
  return accepted(stored, std::move(*merged));
}

Result<ConfigChange, Refusal> replaced_config(const ConfigKey& stored, std::string_view body) {
  const auto wanted = read_body(body);
  if (!wanted) return fail(wanted.error());
  return accepted(stored, write_json(*wanted));
}

}  // namespace pgherd
