// The keys of the reference's catalogue (config_keys.h) that this program reads and does nothing
// with. Silence about them would be a promise: whoever writes one is told, and where doing without
// could make other data, admit others or give another topology than asked, the agent does not
// start. For the codec room only.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "codec/yaml_tree.h"

namespace pgherd {

struct NotServed {
  enum class Then {
    Accept,  // without a word: nobody misses anything, whatever it says
    Warn,
    Refuse,
  };
  std::string path;  // of a key or of a whole section; "postgresql.x" also in bootstrap.dcs
  Then then = Then::Warn;
  std::string_view instead;   // what holds without it
  std::string_view harmless;  // the one word that asks for what is done anyway, "" if there is none
};
[[nodiscard]] const std::vector<NotServed>& not_served();

struct FoundKey {
  std::string path;    // as it is written: "bootstrap.dcs.postgresql.krbsrvname"
  std::string origin;  // "patroni.yml:12"
  const NotServed* entry = nullptr;
};
// Those of the table that `root`, a whole local configuration, sets to something that matters.
[[nodiscard]] std::vector<FoundKey> keys_not_served(const YamlNode& root);

// "patroni.yml:12: citus is not served: ..."
[[nodiscard]] std::string line_of(const FoundKey& key);

// A line for each key of `/config` of that kind. Text that cannot be read has none.
[[nodiscard]] std::vector<std::string> dynamic_keys_not_served(std::string_view config_json);

// The keys of `/config` that nobody knows: "loop_waits (did you mean loop_wait?), pg_group"; "" if
// there is none. Tools keep keys of their own there, so it is no matter for a log.
[[nodiscard]] std::string dynamic_keys_unknown(std::string_view config_json);

}  // namespace pgherd
