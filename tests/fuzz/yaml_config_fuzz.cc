// The agent's configuration file, as far as it can be read without its surroundings.
#include "codec/config.h"
#include "codec/config_keys.h"
#include "codec/config_not_served.h"
#include "codec/yaml_tree.h"
#include "fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(pgherd::fuzz::text_of(data, size));
  try {
    const pgherd::YamlNode root = pgherd::read_yaml(text, "pgherd.yml");
    (void)pgherd::unknown_keys_of(root);
    (void)pgherd::keys_not_served(root);
  } catch (const pgherd::YamlError& mistake) {
    pgherd::fuzz::require(*mistake.what() != '\0', "what is no YAML is named");
  } catch (const pgherd::ConfigError& mistake) {
    pgherd::fuzz::require(*mistake.what() != '\0', "a mistake is named");
  }
  return 0;
}
