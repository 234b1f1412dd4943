#include "daemon/dynamic_cache.h"

#include <filesystem>
#include <system_error>

#include "codec/dcs_values.h"
#include "runtime/files.h"

namespace pgherd {
namespace {

std::string path_in(const std::string& data_dir) {
  return data_dir + "/patroni.dynamic.json";
}

}  // namespace

std::optional<std::string> read_dynamic_cache(const std::string& data_dir) {
  auto text = read_file(path_in(data_dir));
  if (!text || !decode_settings(*text)) return std::nullopt;
  return std::move(*text);
}

std::string write_dynamic_cache(const std::string& data_dir, const std::string& json) {
  std::error_code ignored;
  if (!std::filesystem::exists(data_dir + "/PG_VERSION", ignored)) return {};
  const auto written = write_file_atomically(path_in(data_dir), json, 0600);
  return written ? std::string{} : written.error().text;
}

}  // namespace pgherd
