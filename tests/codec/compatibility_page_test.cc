// docs/patroni-compatibility.md says what the code does: its tables are held against the code's
// own.
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "codec/config.h"
#include "codec/config_environment.h"
#include "codec/config_keys.h"
#include "codec/config_not_served.h"
#include "codec/config_table.h"
#include "codec/postgres_settings.h"

namespace pgherd {
namespace {

using Cells = std::vector<std::string>;

std::string without_marks(std::string text) {
  std::erase(text, '`');
  const auto first = text.find_first_not_of(' ');
  return first == std::string::npos ? ""
                                    : text.substr(first, text.find_last_not_of(' ') - first + 1);
}

Cells cells_of(const std::string& line) {
  Cells cells;
  for (std::size_t at = 1; at < line.size();) {
    const std::size_t end = std::min(line.find('|', at), line.size());
    cells.push_back(without_marks(line.substr(at, end - at)));
    at = end + 1;
  }
  return cells;
}

// The rows of the table below this heading, without its head. Tests run in the project's folder.
std::vector<Cells> table_below(const std::string& heading) {
  std::ifstream page("docs/patroni-compatibility.md");
  std::vector<Cells> rows;
  bool is_here = false;
  for (std::string line; std::getline(page, line);) {
    if (line.starts_with("#")) is_here = line == heading;
    if (is_here && line.starts_with("| `")) rows.push_back(cells_of(line));
  }
  EXPECT_FALSE(rows.empty()) << heading;
  return rows;
}

TEST(CompatibilityPage, NamesEveryVariableThatIsNotPatronis) {
  std::map<std::string, std::string> said;
  for (const Cells& row : table_below("### Read by the agent"))
    said[row.at(0)] = row.at(1);
  std::map<std::string, std::string> known;
  for (const EnvironmentVariable& variable : environment_variables())
    if (!variable.is_patronis) known[variable.name] = variable.path;
  EXPECT_EQ(said, known);
}

// "another name of `X`" loses against X; "fallback" against everything. Passwords and names go the
// same way, so what counts is tried with the values themselves.
TEST(CompatibilityPage, SaysWhichOfTwoVariablesCounts) {
  const std::vector<EnvironmentVariable> all = environment_variables();
  for (const Cells& row : table_below("### Read by the agent")) {
    const auto is_named = [&](const EnvironmentVariable& one) { return one.name == row[0]; };
    const auto own = std::find_if(all.begin(), all.end(), is_named);
    ASSERT_NE(own, all.end()) << row[0];
    EXPECT_EQ(row.at(2).starts_with("fallback"), own->is_fallback) << row[0];
    const auto patronis = std::find_if(all.begin(), all.end(), [&](const auto& one) {
      return one.path == own->path && one.is_patronis;
    });
    if (patronis == all.end()) continue;
    if (!own->is_fallback) {
      EXPECT_TRUE(row[2].starts_with("another name of " + patronis->name + ",")) << row[0];
    }
    const EnvironmentTree tree =
        read_environment({{own->name, "weak"}, {patronis->name, "strong"}});
    const YamlNode* node = &tree.root;
    for (std::string path = own->path; node != nullptr && !path.empty();) {
      const std::size_t dot = path.find('.');
      node = node->find(path.substr(0, dot));
      path = dot == std::string::npos ? "" : path.substr(dot + 1);
    }
    ASSERT_NE(node, nullptr) << row[0];
    EXPECT_EQ(node->text, "strong") << row[0];
  }
}

TEST(CompatibilityPage, NamesEveryKeyThatIsNotPatronis) {
  std::set<std::string> said;
  for (const Cells& row : table_below("## Keys that are not Patroni's"))
    said.insert(row.at(0));
  std::set<std::string> ours;
  for (const KnownKey& key : config_table())
    if (key.since == kOurs || key.since == kNextOfPatroni) ours.emplace(key.path);
  EXPECT_EQ(said, ours);
  const std::vector<std::string> known = known_keys();
  for (const std::string& key : said)
    EXPECT_NE(std::find(known.begin(), known.end(), key), known.end()) << key;
}

TEST(CompatibilityPage, NamesEveryKeyThatIsNotServedAndWhatBecomesOfIt) {
  std::vector<Cells> known;
  const std::map<NotServed::Then, std::string> thens{{NotServed::Then::Accept, "accepted"},
                                                     {NotServed::Then::Warn, "warned of"},
                                                     {NotServed::Then::Refuse, "refused"}};
  for (const NotServed& entry : not_served())
    known.push_back({std::string(entry.path), thens.at(entry.then), std::string(entry.instead)});
  EXPECT_EQ(table_below("## Known and not served"), known);
}

TEST(CompatibilityPage, NamesTheParametersThatAllMembersHaveAlike) {
  std::ifstream page("docs/patroni-compatibility.md");
  const std::string text{std::istreambuf_iterator<char>(page), {}};
  const std::size_t from = text.find("What all members must have alike");
  ASSERT_NE(from, std::string::npos);
  const std::string sentence = text.substr(from, text.find("Said elsewhere", from) - from);
  std::set<std::string> said;
  for (std::size_t at = sentence.find('`'); at != std::string::npos;) {
    const std::size_t end = sentence.find('`', at + 1);
    said.insert(sentence.substr(at + 1, end - at - 1));
    at = sentence.find('`', end + 1);
  }
  for (const char* elsewhere : {"/config", "postgresql.listen", "scope"})
    said.erase(elsewhere);
  std::set<std::string> known{"cluster_name", "data_directory", "config_file"};
  PostgresConfig local;
  local.listen = {.host = "h", .port = 1};
  for (const auto& [name, value] : merge_dynamic(local, "{}").parameters)
    known.insert(name);
  EXPECT_EQ(said, known);
}

}  // namespace
}  // namespace pgherd
