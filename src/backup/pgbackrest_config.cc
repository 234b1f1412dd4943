#include "backup/pgbackrest_config.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <filesystem>

#include "backup/errors.h"
#include "runtime/files.h"

namespace pgherd::backup {
namespace {

namespace fs = std::filesystem;

constexpr const char* kFolder = "/etc/pgbackrest";
constexpr const char* kFormerPlace = "/etc/pgbackrest.conf";

std::string_view trimmed(std::string_view text) {
  const auto from = text.find_first_not_of(" \t\r");
  if (from == text.npos) return {};
  return text.substr(from, text.find_last_not_of(" \t\r") - from + 1);
}

// pg-path, pg1-path, pg12-path.
bool is_data_dir(std::string_view key) {
  if (!key.starts_with("pg") || !key.ends_with("-path")) return false;
  const std::string_view number = key.substr(2, key.size() - 7);
  return number.find_first_not_of("0123456789") == number.npos;
}

std::string variable(const ConfigPlaces& places, const char* name) {
  const auto found = places.environment.find(name);
  return found == places.environment.end() ? "" : found->second;
}

bool is_file(const std::string& path) {
  std::error_code ignored;
  return fs::is_regular_file(path, ignored);
}

void add_folder(std::vector<std::string>& files, const std::string& folder) {
  std::error_code error;
  std::vector<std::string> found;
  for (fs::directory_iterator at(folder, error), end; !error && at != end; at.increment(error))
    if (at->path().extension() == ".conf") found.push_back(at->path().string());
  std::sort(found.begin(), found.end());
  files.insert(files.end(), found.begin(), found.end());
}

}  // namespace

void add_config_text(PgbackrestConfig& config, std::string_view text) {
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size());
    const std::string_view line = trimmed(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.empty() || line.starts_with("#")) continue;
    if (line.starts_with("[") && line.ends_with("]")) {
      // "main:restore" is what holds for one command of the stanza "main".
      const std::string_view section = line.substr(1, line.size() - 2);
      const std::string stanza(section.substr(0, section.find(':')));
      if (stanza != "global" && !stanza.empty()) config.stanzas.insert(stanza);
      continue;
    }
    const auto equals = line.find('=');
    if (equals == line.npos || !is_data_dir(trimmed(line.substr(0, equals)))) continue;
    config.data_dirs.emplace(trimmed(line.substr(equals + 1)));
  }
}

std::vector<std::string> config_files(const ConfigPlaces& places) {
  std::string file = places.option.empty() ? variable(places, "PGBACKREST_CONFIG") : places.option;
  std::string include = variable(places, "PGBACKREST_CONFIG_INCLUDE_PATH");
  std::string folder = variable(places, "PGBACKREST_CONFIG_PATH");
  const bool is_named = !file.empty();
  if (folder.empty()) folder = kFolder;
  if (!is_named) {
    file = folder + "/pgbackrest.conf";
    if (!is_file(file) && folder == kFolder) file = kFormerPlace;
    if (include.empty()) include = folder + "/conf.d";
  }
  std::vector<std::string> files;
  if (is_file(file)) files.push_back(file);
  if (!include.empty()) add_folder(files, include);
  return files;
}

PgbackrestConfig read_pgbackrest_config(const ConfigPlaces& places) {
  PgbackrestConfig config;
  for (const std::string& file : config_files(places)) {
    const auto text = read_file(file);
    if (!text) throw BackupError(text.error().text);
    add_config_text(config, *text);
  }
  for (const auto& [name, value] : places.environment) {
    if (name.starts_with("PGBACKREST_PG") && name.ends_with("_PATH") && !value.empty())
      config.data_dirs.insert(value);
  }
  return config;
}

std::string choose_stanza(const std::string& wanted, const PgbackrestConfig& config,
                          const ConfigPlaces& places) {
  if (!wanted.empty()) return wanted;
  if (std::string named = variable(places, "PGBACKREST_STANZA"); !named.empty()) return named;
  if (config.stanzas.size() == 1) return *config.stanzas.begin();
  if (config.stanzas.empty()) {
    const auto files = config_files(places);
    if (!places.option.empty() && !is_file(places.option))
      throw BackupError(fmt::format("--config {}: there is no such file", places.option));
    throw BackupError(
        files.empty()
            ? "there is no configuration of pgBackRest: name it with --config, or the stanza with "
              "--stanza"
            : fmt::format("{} has no stanza: add a section [NAME] with pg1-path, or name one that "
                          "the repository has with --stanza",
                          fmt::join(files, ", ")));
  }
  throw BackupError(
      fmt::format("the configuration of pgBackRest has several stanzas ({}): say "
                  "which one with --stanza",
                  fmt::join(config.stanzas, ", ")));
}

}  // namespace pgherd::backup
