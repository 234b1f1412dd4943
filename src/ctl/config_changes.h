// What edit-config's options do to the dynamic configuration. Pure: JSON text in, JSON text out.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace pgherd::ctl {

// "a.b.c=V": V is YAML; null or nothing removes the key, and parents that it leaves empty. All
// behind `postgresql.parameters.` is one key (auto_explain.log_min_duration). CtlError for what has
// no '=' or no YAML behind it. Precondition: `config_json` is a JSON object.
[[nodiscard]] std::string with_setting(std::string_view config_json, std::string_view setting);

// The YAML of --apply merged as PATCH /config would; of --replace in the place of everything.
// CtlError when it is no mapping; `source` names the file for the message.
[[nodiscard]] std::string with_applied(std::string_view config_json, std::string_view yaml,
                                       std::string_view source);
[[nodiscard]] std::string replaced_by(std::string_view yaml, std::string_view source);

}  // namespace pgherd::ctl
