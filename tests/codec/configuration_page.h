// The tables of docs/configuration.md. Tests run in the project's folder.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace pgherd::test {

struct PageRow {
  std::string default_value;
  std::string read;  // "reload", "start, shared", "not served", ...
  std::string since;
};

inline std::vector<std::string> cells_of(const std::string& line) {
  std::vector<std::string> cells;
  for (std::size_t at = 1; at < line.size();) {
    const std::size_t end = std::min(line.find(" |", at), line.size());
    std::string cell = line.substr(at, end - at);
    const std::size_t first = cell.find_first_not_of(' ');
    cells.push_back(first == std::string::npos ? "" : cell.substr(first));
    at = end + 2;
  }
  return cells;
}

inline std::map<std::string, PageRow> rows_of_configuration_page() {
  std::ifstream page("docs/configuration.md");
  std::map<std::string, PageRow> found;
  for (std::string line; std::getline(page, line);) {
    if (!line.starts_with("| `")) continue;
    const std::vector<std::string> cells = cells_of(line);
    EXPECT_EQ(cells.size(), 5U) << line;
    if (cells.size() != 5) continue;
    const std::string key = cells[0].substr(1, cells[0].size() - 2);
    PageRow row{.default_value = cells[1], .read = cells[2], .since = cells[3]};
    EXPECT_TRUE(found.emplace(key, std::move(row)).second) << key << " stands there twice";
  }
  return found;
}

// The line in which the page speaks of a key: it does not repeat what is the same in two places.
inline std::string row_of(std::string key) {
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

}  // namespace pgherd::test
