// docs/configuration.md has a line for every key of the catalogue, and says of each that is not
// served that it is not.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <string>

#include "codec/config_keys.h"
#include "codec/config_not_served.h"
#include "codec/configuration_page.h"

namespace pgherd {
namespace {

bool is_not_served(const std::string& key) {
  return std::any_of(not_served().begin(), not_served().end(), [&](const NotServed& entry) {
    const std::string path(entry.path);
    return entry.path != "postgresql.use_slots" && (key == path || key.starts_with(path + "."));
  });
}

TEST(ConfigurationPage, HasEveryKeyOfTheCatalogueAndNoOther) {
  const auto said = test::rows_of_configuration_page();
  std::map<std::string, bool> wanted;
  for (const std::string& key : known_keys())
    wanted.emplace(test::row_of(key), true);
  for (const auto& [key, unused] : wanted) {
    const auto row = said.find(key);
    ASSERT_NE(row, said.end()) << key << " is missing";
    EXPECT_EQ(row->second.read == "not served", is_not_served(key))
        << key << ": " << row->second.read;
  }
  for (const auto& [key, unused] : said) {
    // Tags have any name.
    EXPECT_TRUE(wanted.contains(key) || key.starts_with("tags.")) << key << " is no key";
  }
}

}  // namespace
}  // namespace pgherd
