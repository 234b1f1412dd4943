// `/config`: what operators write by REST and ctl, as JSON and as YAML.
#include "codec/config_not_served.h"
#include "codec/dcs_values.h"
#include "codec/dynamic_config.h"
#include "codec/postgres_settings.h"
#include "fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using pgherd::fuzz::require;
  const std::string_view text = pgherd::fuzz::text_of(data, size);
  (void)pgherd::decode_settings(text);
  (void)pgherd::dynamic_keys_not_served(text);
  (void)pgherd::values_not_usable(text);
  constexpr std::string_view kPresent =
      R"({"ttl":30,"postgresql":{"parameters":{"work_mem":"4MB"}}})";
  if (const auto merged = pgherd::merge_patch(kPresent, text)) {
    // A null in what the first patch has made an object is kept, as Patroni keeps it, and removes
    // itself the second time; a third time changes nothing.
    const auto again = pgherd::merge_patch(*merged, text);
    const auto settled = again ? pgherd::merge_patch(*again, text) : again;
    require(settled && pgherd::is_same_config(*again, *settled), "a patch can be repeated");
  }
  if (const auto yaml = pgherd::config_to_yaml(text)) {
    const auto back = pgherd::yaml_to_json(*yaml);
    require(back.has_value(), "what is shown can be read");
    require(pgherd::is_same_config(text, *back), "an edit that changes nothing changes nothing");
  }
  (void)pgherd::yaml_to_json(text);
  return 0;
}
