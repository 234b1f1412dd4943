#include "postgres/local/overridden_settings.h"

#include <fmt/core.h>

#include <cstdint>
#include <optional>
#include <string_view>

#include "codec/parse_units.h"
#include "codec/postgres_settings.h"

namespace pgherd {
namespace {

constexpr std::int64_t kMegabyte = std::int64_t{1} << 20;

bool is_every_address(std::string_view value) {
  return value == "*" || value == "0.0.0.0";
}

bool says_the_same(std::string_view name, const std::string& written, const std::string& wanted) {
  if (same_value(written, wanted)) return true;
  if (name == "listen_addresses") return is_every_address(written) && is_every_address(wanted);
  if (name == "wal_level")
    return wanted == "replica" && (written == "hot_standby" || written == "archive");
  if (name == "wal_keep_size") {
    const auto size = parse_memory(written, kMegabyte);
    return size && size == parse_memory(wanted, kMegabyte);
  }
  const auto number = parse_integer(written);
  return number && number == parse_integer(wanted);
}

// initdb writes max_connections = 100 into every file that it makes: nobody's request.
bool is_of_initdb(std::string_view name, std::string_view value, std::string_view file,
                  const PostgresConfig& config) {
  return config.custom_conf.empty() &&
         file.ends_with("/" + config.config_base_name + ".base.conf") &&
         name == "max_connections" && value == "100";
}

std::string advice(std::string_view name, std::string_view value) {
  if (name == "listen_addresses" || name == "port")
    return "set postgresql.listen of the agent's configuration instead";
  if (name == "cluster_name") return "it is the scope of the agent's configuration";
  if (name == "hot_standby") return "it has to be on; remove the line";
  return fmt::format(
      "all members must have the same; set it in the dynamic configuration instead: "
      "edit-config -p {}={}",
      name, value);
}

}  // namespace

std::string written_settings_query() {
  return "select distinct on (lower(name)) lower(name), setting, sourcefile, sourceline "
         "from pg_file_settings where sourcefile <> current_setting('config_file') "
         "and setting is not null order by lower(name), seqno desc";
}

std::vector<std::string> overridden_settings(const Rows& answer, const ParameterMap& wanted,
                                             const PostgresConfig& config) {
  std::vector<std::string> lines;
  for (const Row& row : answer) {
    if (row.size() != 4 || !row[0] || !row[1] || !row[2]) continue;
    const std::string& name = *row[0];
    const std::string& value = *row[1];
    const auto ours = wanted.find(name);
    if (!is_controlled_parameter(name) || ours == wanted.end()) continue;
    if (says_the_same(name, value, ours->second)) continue;
    if (is_of_initdb(name, value, *row[2], config)) continue;
    lines.push_back(fmt::format("{}:{}: {} = '{}' has no effect, the agent sets '{}': {}", *row[2],
                                row[3].value_or("?"), name, value, ours->second,
                                advice(name, value)));
  }
  return lines;
}

}  // namespace pgherd
