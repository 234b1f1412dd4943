// The tables of docs/configuration.md. Tests run in the project's folder.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <string>
#include <vector>

namespace pgherd::test {

struct PageRow {
  std::string default_value;
  std::string read;  // "reload", "start, shared", "not served", ...
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
    EXPECT_EQ(cells.size(), 4U) << line;
    if (cells.size() != 4) continue;
    const std::string key = cells[0].substr(1, cells[0].size() - 2);
    EXPECT_TRUE(found.emplace(key, PageRow{.default_value = cells[1], .read = cells[2]}).second)
        << key << " stands there twice";
  }
  return found;
}

}  // namespace pgherd::test
