// Every key of the catalogue does something, or somebody says that it does not.
#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <fstream>
#include <optional>
#include <set>

#include "codec/config.h"
#include "codec/config_keys.h"
#include "codec/config_not_served.h"
#include "codec/config_reload.h"
#include "codec/configuration_page.h"
#include "codec/postgres_settings.h"

namespace pgherd {
namespace {

// Configurations in which keys can show an effect: some have one only beside others, some only
// where others are missing, or where there is a section that they name.
constexpr const char* kBeside = R"(
scope: main
name: node-a
restapi: {listen: '127.0.0.1:8008', authentication: {username: u, password: p}}
ctl: {authentication: {username: u, password: p}}
etcd3: {host: e}
bootstrap: {dcs: {standby_cluster: {host: h}}}
postgresql:
  listen: '127.0.0.1:5432'
  data_dir: /data
  authentication: {replication: {username: r}, rewind: {username: w}}
)";
constexpr const char* kAlone = R"(
scope: main
restapi: {listen: '127.0.0.1:8008'}
etcd: {host: e}
bootstrap: {dcs: {ttl: 30}}
postgresql:
  name: node-a
  listen: '127.0.0.1:5432'
  data_dir: /data
  authentication: {replication: {username: r}}
)";
constexpr const char* kWithSections = R"(
scope: main
name: node-a
restapi: {listen: '127.0.0.1:8008'}
etcd3: {host: e}
bootstrap: {word: {command: c}}
postgresql:
  listen: '127.0.0.1:5432'
  data_dir: /data
  authentication: {replication: {username: r}}
)";
// One of them is right for each key and differs from what holds without it.
constexpr const char* kValues[] = {"77",
                                   "7",
                                   "'true'",
                                   "'false'",
                                   "word",
                                   "'h:77'",
                                   "'http://h:77'",
                                   "[a]",
                                   "{a: b}",
                                   "{username: u, password: p}",
                                   "{s: {type: physical}}",
                                   "[{name: a}]",
                                   "json",
                                   "classic",
                                   "DEBUG",
                                   "https",
                                   "optional",
                                   "required",
                                   "'on'",
                                   "minimal",
                                   "'%(message)s'",
                                   "{patroni: DEBUG}"};

struct Effect {
  AgentConfig config;
  Settings settings;
  LocalOverrides overrides;
  PostgresConfig in_force;
  bool operator==(const Effect&) const = default;
};

// All that the rest of the program sees; texts that only repeat the file are left out.
Effect effect_of(const LoadedConfig& loaded) {
  Effect effect{
      .config = loaded.config,
      .settings = loaded.initial_settings,
      .overrides = loaded.overrides,
      .in_force = merge_dynamic(loaded.config.postgresql, loaded.config.bootstrap->dcs_json)};
  effect.config.bootstrap->dcs_json.clear();
  effect.config.postgresql.set_locally.clear();
  effect.in_force.set_locally.clear();
  return effect;
}

struct Base {
  std::string text;
  Effect effect;
};

struct Outcome {
  bool has_effect = false;
  bool is_warned_of = false;
  bool is_refused = false;
};

bool names(const std::string& line, const std::string& key) {
  return line.find(": " + key + " is not served: ") != std::string::npos ||
         line.find("; " + key + " is not served: ") != std::string::npos;
}

class CatalogueOfKeys : public ::testing::Test {
 public:
  CatalogueOfKeys() {
    std::string pattern = ::testing::TempDir() + "pgherd_keys_XXXXXX";
    folder_ = ::mkdtemp(pattern.data());
    for (const char* text : {kBeside, kAlone, kWithSections})
      bases_.push_back({.text = text, .effect = effect_of(load(text, "{}"))});
  }
  ~CatalogueOfKeys() override {
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }

 protected:
  // Anew, not over the old one: file systems make sure of an overwritten file, which takes its
  // time.
  void write(const char* name, const std::string& text) {
    std::filesystem::remove(folder_ / name);
    std::ofstream(folder_ / name) << text;
  }

  LoadedConfig load(const std::string& base, const std::string& more) {
    write("1.yml", base);
    write("2.yml", more);
    return load_config(folder_.string(), {});
  }

  // "a.b" and "7": "{a: {b: 7}}"
  static std::string document(const std::string& path, const std::string& value) {
    const std::size_t dot = path.find('.');
    const std::string below =
        dot == std::string::npos ? value : document(path.substr(dot + 1), value);
    return "{" + path.substr(0, dot) + ": " + below + "}";
  }

  void try_value(const Base& base, const std::string& key, const std::string& value,
                 const std::string& told_as, Outcome& outcome) {
    try {
      const LoadedConfig loaded = load(base.text, document(key, value));
      if (!(effect_of(loaded) == base.effect)) outcome.has_effect = true;
      for (const std::string& warning : loaded.warnings)
        outcome.is_warned_of = outcome.is_warned_of || names(warning, told_as);
    } catch (const ConfigError& problem) {  // also for values that are wrong for this key
      if (names(problem.what(), told_as)) outcome.is_refused = true;
    }
  }

  // Tries until it is clear: what has an effect needs one value that shows it, what is not served
  // must not have one for any.
  Outcome outcome_of(const std::string& key, const std::string& told_as, bool is_served) {
    Outcome outcome;
    for (const Base& base : bases_) {
      for (const char* value : kValues) {
        try_value(base, key, value, told_as, outcome);
        if (outcome.is_refused || (is_served && outcome.has_effect)) return outcome;
      }
    }
    return outcome;
  }

  std::filesystem::path folder_;
  std::vector<Base> bases_;
};

struct Expected {
  const NotServed* entry = nullptr;  // null: it has an effect
  std::string told_as;               // the key itself, or the section that is not served as a whole
};

Expected expected_of(const std::string& key) {
  constexpr std::string_view kDynamic = "bootstrap.dcs.";
  const auto find = [](const std::string& path, const std::string& before) -> Expected {
    for (const NotServed& entry : not_served()) {
      const std::string entry_path(entry.path);
      if (path == entry_path || path.starts_with(entry_path + "."))
        return {.entry = &entry, .told_as = before + entry_path};
    }
    return {.entry = nullptr, .told_as = before + path};
  };
  if (Expected expected = find(key, ""); expected.entry != nullptr) return expected;
  const bool only_there = key == "bootstrap.dcs.postgresql.use_slots";
  if (only_there || !key.starts_with("bootstrap.dcs.postgresql.")) return {.told_as = key};
  return find(key.substr(kDynamic.size()), std::string(kDynamic));
}

TEST_F(CatalogueOfKeys, EachHasAnEffectOrIsSaidToHaveNone) {
  const std::vector<std::string> keys = known_keys();
  ASSERT_GT(keys.size(), 150U);
  for (const std::string& key : keys) {
    const auto [entry, told_as] = expected_of(key);
    const bool is_refused = entry != nullptr && entry->then == NotServed::Then::Refuse;
    const Outcome outcome = outcome_of(key, told_as, entry == nullptr);
    EXPECT_EQ(outcome.has_effect, entry == nullptr)
        << key
        << (entry == nullptr ? " does nothing and nothing says so"
                             : " does something: it is in the table of those that do not");
    EXPECT_EQ(outcome.is_refused, is_refused) << key;
    const bool is_accepted = entry != nullptr && entry->then == NotServed::Then::Accept;
    EXPECT_EQ(outcome.is_warned_of, entry != nullptr && !is_refused && !is_accepted) << key;
  }
}

// A value that the page gives to the letter: `postgres`, 30, false. "" where it describes one.
std::string literal_default(const std::string& cell) {
  static const std::set<std::string> kNamesOfOthers = {"`PATH`", "`data_dir`", "`restapi.cafile`"};
  const bool is_quoted = cell.size() > 2 && cell.front() == '`' && cell.back() == '`';
  if (kNamesOfOthers.contains(cell) || cell.starts_with("`~") || cell.starts_with("`<")) return "";
  if (is_quoted) return "'" + cell.substr(1, cell.size() - 2) + "'";
  const bool is_number = !cell.empty() && std::all_of(cell.begin(), cell.end(), [](char character) {
    return std::isdigit(static_cast<unsigned char>(character)) != 0;
  });
  return is_number || cell == "true" || cell == "false" ? cell : "";
}

std::string key_of_row(std::string key) {
  if (const std::size_t star = key.find('*'); star != std::string::npos)
    key.replace(star, 1, "superuser");
  return key;
}

TEST_F(CatalogueOfKeys, TheDefaultsOfThePageHold) {
  // Said to the letter these mean the same, but are told from what is not said: they count over the
  // dynamic configuration, or are published.
  const std::set<std::string> told_apart = {
      "bootstrap.dcs.standby_cluster.port",
      "postgresql.create_replica_methods",
      "postgresql.custom_conf",
      "postgresql.remove_data_directory_on_diverged_timelines",
      "postgresql.remove_data_directory_on_rewind_failure",
      "postgresql.use_pg_rewind",
      "tags.failover_priority",
      "tags.sync_priority"};
  int compared = 0;
  for (const auto& [row, said] : test::rows_of_configuration_page()) {
    const std::string value = literal_default(said.default_value);
    if (value.empty() || said.read == "not served" || told_apart.contains(row)) continue;
    const std::string text = document(key_of_row(row), value);
    // Of the base that has what the key needs beside it.
    const Base& base = bases_.front();
    try {
      EXPECT_EQ(effect_of(load(base.text, text)), base.effect) << row << " is not " << value;
    } catch (const ConfigError& problem) {
      ADD_FAILURE() << row << ": " << problem.what();
    }
    ++compared;
  }
  EXPECT_GT(compared, 50);
}

TEST_F(CatalogueOfKeys, AreReadWhenThePageSays) {
  // These two are looked at beside the dynamic configuration, and ctl is started for each command.
  const std::set<std::string> elsewhere = {"postgresql.config_dir", "postgresql.config_base_name",
                                           "ctl.table"};
  for (const auto& [row, said] : test::rows_of_configuration_page()) {
    if (said.read == "not served" || elsewhere.contains(row)) continue;
    bool needs_start = false;
    for (const Base& base : bases_) {
      for (const char* value : kValues) {
        try {
          const AgentConfig after = load(base.text, document(key_of_row(row), value)).config;
          const AgentConfig& before = base.effect.config;
          needs_start = needs_start || !what_needs_a_start(before, after).empty() ||
                        !keys_of_another_agent(before, after).empty();
        } catch (const ConfigError&) {  // a value that is wrong for this key
          continue;
        }
      }
    }
    EXPECT_EQ(needs_start, said.read == "start") << row << ": " << said.read;
  }
}

TEST_F(CatalogueOfKeys, TheTableHasOnlyKeysOfTheCatalogue) {
  const std::vector<std::string> keys = known_keys();
  for (const NotServed& entry : not_served()) {
    const std::string path(entry.path);
    const bool is_known = std::any_of(keys.begin(), keys.end(), [&](const std::string& key) {
      return key == path || key.starts_with(path + ".");
    });
    EXPECT_TRUE(is_known) << path;
    EXPECT_FALSE(entry.instead.empty()) << path;
  }
}

TEST_F(CatalogueOfKeys, TagsThatContradictEachOtherAreNamedInPatronisWords) {
  const auto said = [this](const char* tags) { return load(kBeside, tags).warnings; };
  EXPECT_EQ(said("tags: {nofailover: true, failover_priority: 1}"),
            std::vector<std::string>{
                "Conflicting configuration between nofailover: True and failover_priority: 1. "
                "Defaulting to nofailover: True"});
  EXPECT_EQ(said("tags: {nosync: false, sync_priority: 0}"),
            std::vector<std::string>{
                "Conflicting configuration between nosync: False and sync_priority: 0. Defaulting "
                "to nosync: False"});
  EXPECT_TRUE(said("tags: {nofailover: true, failover_priority: 0}").empty());
}

TEST_F(CatalogueOfKeys, TagsThatAreTextsAndCountOtherwiseInPatroniAreNamed) {
  const auto said = load(kBeside, "tags: {nofailover: 'false', noloadbalance: 'true'}").warnings;
  ASSERT_EQ(said.size(), 1U);
  EXPECT_TRUE(said.front().ends_with(
      "tags.nofailover is the text 'false', which counts as false here and as true in Patroni; "
      "write it without quotes"))
      << said.front();
  EXPECT_TRUE(load(kBeside, "tags: {nofailover: false, nostream: 'false'}").warnings.empty());
}

TEST_F(CatalogueOfKeys, WhatAsksForWhatIsDoneAnywayIsNoReasonToRefuse) {
  for (const char* harmless :
       {"bootstrap: {method: initdb}", "bootstrap: {method: own, own: {no_params: true}}",
        "postgresql: {create_replica_methods: [basebackup]}",
        "postgresql: {bin_name: {initdb: initdb}, config_base_name: postgresql}",
        "bootstrap: {dcs: {standby_cluster: {create_replica_methods: [basebackup]}}}"}) {
    EXPECT_TRUE(load(kBeside, harmless).warnings.empty()) << harmless;
  }
}

TEST_F(CatalogueOfKeys, AllThatAreRefusedAreNamedAtOnceWithTheirLines) {
  try {
    (void)load(kBeside,
               "citus:\n  group: 0\n"
               "consul:\n  host: other\n");
    FAIL() << "accepted";
  } catch (const ConfigError& problem) {
    const std::string said = problem.what();
    EXPECT_NE(said.find("2.yml:1: citus is not served: "), std::string::npos) << said;
    EXPECT_NE(said.find("2.yml:3: consul is not served: "), std::string::npos) << said;
  }
}

TEST_F(CatalogueOfKeys, CtlReadsTheFileOfAnAgentThatWouldNotStart) {
  write("1.yml", kBeside);
  write("2.yml", "citus: {group: 0}");
  EXPECT_EQ(load_config(folder_.string(), {}, ConfigUse::Ctl).config.scope, "main");
}

TEST_F(CatalogueOfKeys, OtherStoresAreNamedHoweverTheyAreSet) {
  write("1.yml", kBeside);
  const auto warnings =
      load_config(folder_.string(), {{"PATRONI_KUBERNETES_LABELS", "x"}}).warnings;
  ASSERT_EQ(warnings.size(), 1U);
  EXPECT_EQ(warnings.front(),
            "variable PATRONI_KUBERNETES_LABELS: kubernetes is not served: etcd3 is used, no other "
            "store is known");
  // Patroni would prefer it to etcd3: this node would be alone in the wrong store.
  EXPECT_THROW((void)load_config(folder_.string(), {{"PATRONI_CONSUL_HOST", "h"}}), ConfigError);
}

TEST(DynamicKeys, ThatAreNotServedAreNamedWheneverTheConfigurationIsRead) {
  std::vector<std::string> warnings;
  (void)merge_dynamic(
      PostgresConfig{},
      R"({"postgresql":{"bin_name":{"pg_ctl":"other"},"use_slots":true,"pgpass":"/p"},)"
      R"("standby_cluster":{"host":"h"}})",
      &warnings);
  ASSERT_EQ(warnings.size(), 2U);
  EXPECT_EQ(warnings[0],
            "dynamic configuration: postgresql.pgpass is not served: the local configuration sets "
            "it");
  EXPECT_EQ(warnings[1].find("dynamic configuration: postgresql.bin_name.pg_ctl is not served"),
            0U);
}

}  // namespace
}  // namespace pgherd
