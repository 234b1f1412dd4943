// The one table of keys says what is so: of the page for operators, of the rooms that look at a
// key, of what a reload does, and of the configuration that is generated.
#include "codec/config_table.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <limits>
#include <map>
#include <set>
#include <string>

#include "codec/config.h"
#include "codec/config_generator.h"
#include "codec/config_keys.h"
#include "codec/config_not_served.h"
#include "codec/config_reader.h"
#include "codec/config_reload.h"
#include "codec/config_sources.h"
#include "codec/config_tree.h"
#include "codec/configuration_page.h"
#include "codec/dcs_values.h"
#include "codec/dynamic_config.h"
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

// "a.b" and "7": "{a: {b: 7}}"
std::string document(const std::string& path, const std::string& value) {
  const std::size_t dot = path.find('.');
  const std::string below =
      dot == std::string::npos ? value : document(path.substr(dot + 1), value);
  return "{" + path.substr(0, dot) + ": " + below + "}";
}

// What is said against this value of this key in an agent's file; "" when it does.
std::string problem_with(const std::string& path, const std::string& value) {
  constexpr const char* kUsual = R"(
scope: main
name: node-a
restapi: {listen: '127.0.0.1:8008'}
etcd3: {host: e}
bootstrap: {dcs: {ttl: 30}}
postgresql:
  listen: '127.0.0.1:5432'
  data_dir: /data
  authentication: {replication: {username: r}}
)";
  ConfigSources sources{.root = read_yaml(kUsual, "usual"), .name = "usual"};
  merge_yaml(sources.root, read_yaml(document(path, value), "tried"));
  try {
    (void)load_config_tree(sources, {}, ConfigUse::Agent);
    return "";
  } catch (const ConfigError& problem) {
    return problem.what();
  }
}

bool is_local(const KnownKey& key) {
  return key.read != WhenRead::Never && key.read != WhenRead::AtOnce;
}

TEST(TableOfKeys, SaysFromWhereToWhereANumberGoes) {
  for (const KnownKey& key : config_table()) {
    if (key.form.kind != Form::Kind::Number || !is_local(key)) continue;
    const std::string path(key.path);
    const auto [lowest, highest] = std::pair(key.form.lowest, key.form.highest);
    const std::string range = "from " + std::to_string(lowest) + " to " + std::to_string(highest);
    EXPECT_EQ(problem_with(path, std::to_string(lowest)), "") << path;
    EXPECT_EQ(problem_with(path, std::to_string(highest)), "") << path;
    for (const std::int64_t outside : {lowest - 1, highest + 1}) {
      const std::string problem = problem_with(path, std::to_string(outside));
      EXPECT_NE(problem.find(path + " is '" + std::to_string(outside)), std::string::npos)
          << path << ": " << problem;
      EXPECT_NE(problem.find(range), std::string::npos) << path << ": " << problem;
    }
  }
}

TEST(TableOfKeys, SaysFromWhereToWhereANumberOfTheDynamicConfigurationGoes) {
  const auto is_timeout = [](const std::string& name) {
    return name == "ttl" || name == "loop_wait" || name == "retry_timeout";
  };
  for (const KnownKey& key : config_table()) {
    const bool is_bounded = key.form.lowest > std::numeric_limits<std::int64_t>::min();
    if (key.form.kind != Form::Kind::Number || key.read != WhenRead::AtOnce || !is_bounded)
      continue;
    const std::string name(key.path.substr(std::string_view("bootstrap.dcs.").size()));
    const auto json = [&](std::int64_t number) {
      return "{\"" + name + "\": " + std::to_string(number) + "}";
    };
    const auto lowest = decode_settings(json(key.form.lowest));
    const auto below = decode_settings(json(key.form.lowest - 1));
    ASSERT_TRUE(lowest && below) << name;
    EXPECT_EQ(*lowest, *below) << name;
    if (is_timeout(name)) continue;  // told with the three of them (config.cc)
    EXPECT_TRUE(settings_not_usable(json(key.form.lowest)).empty()) << name;
    const auto remarks = settings_not_usable(json(key.form.lowest - 1));
    ASSERT_EQ(remarks.size(), 1U) << name;
    EXPECT_EQ(remarks[0].key, name);
    EXPECT_TRUE(remarks[0].words.ends_with("; " + std::to_string(key.form.lowest) + " is in force"))
        << remarks[0].words;
  }
}

TEST(TableOfKeys, NamesTheWordsThatAreAllowed) {
  for (const KnownKey& key : config_table()) {
    if (key.form.kind != Form::Kind::Word || !is_local(key)) continue;
    const std::string path(key.path);
    std::string_view rest = key.form.words;
    while (!rest.empty()) {
      const std::size_t comma = rest.find(", ");
      EXPECT_EQ(problem_with(path, std::string(rest.substr(0, comma))), "") << path;
      rest = comma == std::string_view::npos ? "" : rest.substr(comma + 2);
    }
    const std::string problem = problem_with(path, "another");
    EXPECT_NE(
        problem.find(path + " is 'another'; allowed is one of " + std::string(key.form.words)),
        std::string::npos)
        << problem;
  }
}

TEST(TableOfKeys, SaysWhichKeysAreTrueOrFalse) {
  for (const KnownKey& key : config_table()) {
    if (key.form.kind != Form::Kind::Flag || !is_local(key)) continue;
    const std::string path(key.path);
    EXPECT_EQ(problem_with(path, "'on'"), "") << path;
    EXPECT_NE(problem_with(path, "perhaps").find(path + " is 'perhaps'; allowed is true or false"),
              std::string::npos)
        << problem_with(path, "perhaps");
  }
}

TEST(TableOfKeys, IsWhatReadersReadBy) {
  const YamlNode node = read_yaml("{listen: '127.0.0.1:8008', mine: 'on'}", "file");
  const Section restapi(&node, "restapi", "file");
  EXPECT_DEATH((void)restapi.text("mine"), "the table of keys does not have it");
  EXPECT_DEATH((void)restapi.has("mine"), "the table of keys does not have it");
  EXPECT_DEATH((void)restapi.flag("listen"), "in another form");
  EXPECT_EQ(restapi.address("listen", 1)->port, 8008);
  const Section of_a_method(&node, "restapi", "file", Section::Keys::Others);
  EXPECT_EQ(of_a_method.flag("mine"), true) << "a person has named it so";
  const YamlNode method = read_yaml("{authentication: {command: c, keep_data: 'on'}}", "file");
  const Section bootstrap = Section(&method, "bootstrap", "file");
  EXPECT_EQ(bootstrap.named_section("authentication").flag("keep_data"), true);
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
