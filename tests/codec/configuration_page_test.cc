// docs/configuration.md has a line for every key of the catalogue, and says of each that is not
// served that it is not.
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <string>
#include <vector>

#include "codec/config_keys.h"
#include "codec/config_not_served.h"

namespace pgherd {
namespace {

using Cells = std::vector<std::string>;

Cells cells_of(const std::string& line) {
  Cells cells;
  for (std::size_t at = 1; at < line.size();) {
    const std::size_t end = std::min(line.find(" |", at), line.size());
    std::string cell = line.substr(at, end - at);
    const std::size_t first = cell.find_first_not_of(' ');
    cells.push_back(first == std::string::npos ? "" : cell.substr(first));
    at = end + 2;
  }
  return cells;
}

// key -> what is said of when it is read. Tests run in the project's folder.
std::map<std::string, std::string> rows() {
  std::ifstream page("docs/configuration.md");
  std::map<std::string, std::string> found;
  for (std::string line; std::getline(page, line);) {
    if (!line.starts_with("| `")) continue;
    const Cells cells = cells_of(line);
    EXPECT_EQ(cells.size(), 4U) << line;
    if (cells.size() != 4) continue;
    const std::string key = cells[0].substr(1, cells[0].size() - 2);
    EXPECT_TRUE(found.emplace(key, cells[2]).second) << key << " stands there twice";
  }
  return found;
}

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
  const std::map<std::string, std::string> said = rows();
  std::map<std::string, bool> wanted;
  for (const std::string& key : known_keys())
    wanted.emplace(row_of(key), true);
  for (const auto& [key, unused] : wanted) {
    const auto row = said.find(key);
    ASSERT_NE(row, said.end()) << key << " is missing";
    EXPECT_EQ(row->second == "not served", is_not_served(key)) << key << ": " << row->second;
  }
  for (const auto& [key, unused] : said) {
    // Tags have any name.
    EXPECT_TRUE(wanted.contains(key) || key.starts_with("tags.")) << key << " is no key";
  }
}

}  // namespace
}  // namespace pgherd
