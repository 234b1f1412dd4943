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

// The line in which the page speaks of a key: it does not repeat what is the same in two places.
std::string row_of(std::string key) {
  constexpr std::string_view kDynamic = "bootstrap.dcs.postgresql.";
  if (key.starts_with(kDynamic)) key = "postgresql." + key.substr(kDynamic.size());
  if (key.starts_with("etcd.") && key != "etcd.version_prefix") key = "etcd3." + key.substr(5);
  for (const char* user : {"superuser.", "replication.", "rewind."}) {
    const std::string section = "postgresql.authentication.";
    if (key.starts_with(section + user))
      key = section + "*." + key.substr(section.size() + std::string_view(user).size());
  }
  return key;
}

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
    wanted.emplace(row_of(key), true);
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
