// The dynamic configuration (`/config`) as people handle it: patched, compared, shown as YAML. All
// text in, all text out; JSON comes out compact.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace pgherd {

// PATCH /config (Patroni, REST API): null removes a key, an object goes into an object, everything
// else replaces, unless it prints the same (`1` over "1" changes nothing). A null inside of a
// subtree that did not exist is kept. Fails, saying which of the two it was, when either is no JSON
// object.
[[nodiscard]] Result<std::string, std::string> merge_patch(std::string_view config_json,
                                                           std::string_view patch_json);

// Whether the two say the same; scalars are compared by how they print, the order of keys is
// irrelevant. False when either is no JSON. Such a change needs no write.
[[nodiscard]] bool is_same_config(std::string_view one_json, std::string_view other_json);

// YAML with sorted keys in block style, for show-config and the editor. Fails for what is no JSON.
[[nodiscard]] Result<std::string, std::string> config_to_yaml(std::string_view json);

// Any JSON as YAML on one line, with sorted keys: {a: b, c: [1, 2]}. Fails for what is no JSON.
[[nodiscard]] Result<std::string, std::string> json_to_yaml_flow(std::string_view json);

// A value of the dynamic configuration that is not used as it was said.
struct DynamicRemark {
  std::string key;    // "postgresql.use_slots"
  std::string words;  // to be read behind the key: "is 7; allowed is true or false; ..."

  [[nodiscard]] std::string text() const { return key + " " + words; }
};

// One for each setting of the high availability that is said and cannot be used, so that its
// default holds, and for each permanent slot that cannot be made. The three timeouts are not among
// them: decode_settings refuses those. Text that is no JSON object has none.
[[nodiscard]] std::vector<DynamicRemark> settings_not_usable(std::string_view config_json);

// Whether standbys keep copies of logical slots: there are permanent ones, and it is no standby
// cluster.
[[nodiscard]] bool has_logical_slots_to_copy(std::string_view config_json);

// Any YAML, also a scalar ("on" of `--set pause=on`). The error names the line. Empty text is
// `null`.
[[nodiscard]] Result<std::string, std::string> yaml_to_json(std::string_view yaml);

}  // namespace pgherd
