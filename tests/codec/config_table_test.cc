// The one table of keys says what is so: of the page for operators, of the rooms that look at a
// key, of what a reload does, and of the configuration that is generated.
#include "codec/config_table.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <string>

#include "codec/config_generator.h"
#include "codec/config_keys.h"
#include "codec/config_not_served.h"
#include "codec/config_reload.h"
#include "codec/configuration_page.h"
#include "codec/yaml_tree.h"

namespace pgherd {
namespace {

namespace fs = std::filesystem;

std::string as_on_the_page(const KnownKey& key) {
  static const std::map<WhenRead, std::string> kWords = {{WhenRead::AtReload, "reload"},
                                                         {WhenRead::AtStart, "start"},
                                                         {WhenRead::AtOnce, "at once"},
                                                         {WhenRead::NewCluster, "new cluster"},
                                                         {WhenRead::Never, "not served"}};
  return kWords.at(key.read) + (key.is_shared ? ", shared" : "");
}

TEST(TableOfKeys, IsThePageForOperators) {
  const auto said = test::rows_of_configuration_page();
  std::set<std::string> known;
  for (const KnownKey& key : config_table()) {
    const std::string path(key.path);
    EXPECT_TRUE(known.insert(path).second) << path << " stands there twice";
    const auto row = said.find(path);
    ASSERT_NE(row, said.end()) << path << " is missing on the page";
    EXPECT_EQ(row->second.read, as_on_the_page(key)) << path;
    EXPECT_EQ(row->second.since, key.since) << path;
  }
  for (const auto& [path, row] : said)
    EXPECT_TRUE(known.contains(path)) << path << " is missing in the table";
}

TEST(TableOfKeys, SaysOfEachWhetherItIsServed) {
  for (const KnownKey& key : config_table()) {
    const std::string path(key.path);
    const bool is_told =
        std::any_of(not_served().begin(), not_served().end(), [&](const NotServed& entry) {
          return path != "postgresql.use_slots" &&
                 (path == entry.path || path.starts_with(entry.path + "."));
        });
    EXPECT_EQ(key.read == WhenRead::Never, is_told) << path;
    EXPECT_EQ(key.read == WhenRead::Never, key.room.empty()) << path;
    EXPECT_EQ(key.room.empty(), key.word.empty()) << path;
    EXPECT_FALSE(key.since.empty()) << path;
  }
}

// The text of all sources of a room, without comments. Tests run in the project's folder.
const std::string& text_of_room(const std::string& room) {
  static std::map<std::string, std::string> texts;
  const auto [found, is_new] = texts.emplace(room, "");
  if (!is_new) return found->second;
  for (const auto& entry : fs::recursive_directory_iterator("src/" + room)) {
    if (entry.path().extension() != ".cc" && entry.path().extension() != ".h") continue;
    std::ifstream file(entry.path());
    for (std::string line; std::getline(file, line);)
      found->second += line.substr(0, line.find("//")) + "\n";
  }
  return found->second;
}

bool has_word(const std::string& text, const std::string& word) {
  const auto is_letter = [](char c) {
    return c == '_' || (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
  };
  for (std::size_t at = text.find(word); at != std::string::npos; at = text.find(word, at + 1)) {
    const bool begins = at == 0 || !is_letter(text[at - 1]);
    if (begins && !is_letter(text[at + word.size()])) return true;
  }
  return false;
}

TEST(TableOfKeys, NamesARoomThatLooksAtTheKeyAndTheWordByWhichItDoes) {
  for (const KnownKey& key : config_table()) {
    if (key.read == WhenRead::Never) continue;
    const std::string room(key.room);
    ASSERT_TRUE(fs::is_directory("src/" + room)) << key.path << ": " << room;
    EXPECT_TRUE(has_word(text_of_room(room), std::string(key.word)))
        << key.path << ": src/" << room << " has no word " << key.word;
  }
}

TEST(TableOfKeys, MakesTheWordsOfAReloadThatDoesNotDo) {
  AgentConfig other;
  other.etcd.endpoints = {"e:2379"};
  EXPECT_EQ(what_needs_a_start({}, other),
            std::vector<std::string>{"etcd3, but for username, password, cacert, cert, key,"});
}

// Who takes the sample for a Patroni must be able to.
void look_for_ours(const YamlNode& node, const std::string& path) {
  const std::string row = test::row_of(path);
  const auto known = std::find_if(config_table().begin(), config_table().end(),
                                  [&](const KnownKey& key) { return key.path == row; });
  if (known != config_table().end()) {
    EXPECT_TRUE(known->since != kOurs && known->since != kNextOfPatroni) << path;
    EXPECT_TRUE(known->read != WhenRead::Never || path == "log.traceback_level") << path;
    return;
  }
  for (const auto& [key, below] : node.children)
    look_for_ours(below, path.empty() ? key : path + "." + key);
}

TEST(TableOfKeys, HasEveryKeyOfAGeneratedConfigurationAsOneThatPatroniServes) {
  const YamlNode sample =
      read_yaml(generated_config({.host_name = "db1", .address = "10.0.0.7"}), "sample");
  EXPECT_TRUE(unknown_keys_of(sample).empty());
  look_for_ours(sample, "");
}

}  // namespace
}  // namespace pgherd
