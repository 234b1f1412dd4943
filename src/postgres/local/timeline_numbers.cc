#include "postgres/local/timeline_numbers.h"

#include <fmt/core.h>

#include <algorithm>
#include <filesystem>
#include <string_view>
#include <system_error>
#include <vector>

#include "runtime/files.h"

namespace pgherd {
namespace {

// More than a cluster loses in a lifetime; a number far away is a mistake somewhere.
constexpr std::uint32_t kSkippedMax = 1000;
constexpr std::string_view kOurs = "1\t0/1\tpgherd:";

}  // namespace

Attempt skip_timeline_numbers(const std::string& data_dir, Timeline present, Timeline wanted) {
  if (!present.is_known() || wanted.value <= present.value + 1) return {};
  if (wanted.value - present.value > kSkippedMax) {
    return failed(
        fmt::format("timeline {} was claimed for the promotion, and this server is on {}: "
                    "look at the key 'timeline' of this cluster in the store",
                    wanted.value, present.value));
  }
  for (std::uint32_t number = present.value + 1; number < wanted.value; ++number) {
    const std::string path = fmt::format("{}/pg_wal/{:08X}.history", data_dir, number);
    std::error_code error;
    if (std::filesystem::exists(path, error)) continue;
    const std::string line = fmt::format("{} number {} was claimed elsewhere\n", kOurs, number);
    if (const auto written = write_file_atomically(path, line, 0600); !written) {
      return failed(fmt::format("cannot skip timeline {}: {}", number, written.error().text));
    }
  }
  return {};
}

void forget_skipped_timeline_numbers(const std::string& data_dir) {
  std::error_code error;
  std::vector<std::filesystem::path> ours;
  std::filesystem::path newest_real;
  for (const auto& entry : std::filesystem::directory_iterator(data_dir + "/pg_wal", error)) {
    if (entry.path().extension() != ".history") continue;
    const auto text = read_file(entry.path().string());
    if (text && text->starts_with(kOurs)) {
      ours.push_back(entry.path());
    } else {
      newest_real = std::max(newest_real, entry.path());  // the names sort like the numbers
    }
  }
  for (const auto& path : ours) {
    if (path > newest_real) std::filesystem::remove(path, error);
  }
}

}  // namespace pgherd
