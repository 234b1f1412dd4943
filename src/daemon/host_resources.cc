#include "daemon/host_resources.h"

#include <fmt/format.h>
#include <sys/resource.h>

#include <array>
#include <fstream>
#include <limits>
#include <optional>
#include <string_view>
#include <utility>

namespace pgherd {
namespace {

constexpr std::array<std::pair<std::string_view, std::string_view>, 4> kSettings = {{
    {"vm.nr_hugepages", "/proc/sys/vm/nr_hugepages"},
    {"vm.overcommit_memory", "/proc/sys/vm/overcommit_memory"},
    {"vm.swappiness", "/proc/sys/vm/swappiness"},
    {"vm.zone_reclaim_mode", "/proc/sys/vm/zone_reclaim_mode"},
}};

std::optional<std::int64_t> number_in(const std::string& path) {
  std::ifstream file(path);
  std::int64_t number = 0;
  if (!(file >> number)) return std::nullopt;
  return number;
}

// "always [madvise] never"
std::optional<std::int64_t> choice_in(const std::string& path) {
  constexpr std::array<std::string_view, 3> kWords = {"[never]", "[madvise]", "[always]"};
  std::ifstream file(path);
  for (std::string word; file >> word;)
    for (std::size_t at = 0; at < kWords.size(); ++at)
      if (word == kWords[at]) return static_cast<std::int64_t>(at);
  return std::nullopt;
}

std::int64_t open_files_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return 0;
  constexpr auto kMost = static_cast<rlim_t>(std::numeric_limits<std::int64_t>::max());
  return static_cast<std::int64_t>(std::min(limit.rlim_cur, kMost));
}

}  // namespace

HostResources read_host_resources(const std::string& root) {
  HostResources host{.open_files_limit = open_files_limit(), .kernel = {}};
  for (const auto& [name, path] : kSettings)
    if (const auto value = number_in(root + std::string(path))) host.kernel.emplace(name, *value);
  if (const auto choice = choice_in(root + "/sys/kernel/mm/transparent_hugepage/enabled"))
    host.kernel.emplace("transparent_hugepage", *choice);
  return host;
}

std::string host_metrics(const HostResources& host, const std::string& labels) {
  std::string text = fmt::format(
      "# HELP pgherd_open_files_limit How many files the agent, and PostgreSQL, may open.\n"
      "# TYPE pgherd_open_files_limit gauge\npgherd_open_files_limit{{{}}} {}\n"
      "# HELP pgherd_kernel_setting A setting of the host's kernel, by sysctl's name.\n"
      "# TYPE pgherd_kernel_setting gauge\n",
      labels, host.open_files_limit);
  for (const auto& [name, value] : host.kernel)
    text += fmt::format("pgherd_kernel_setting{{{},setting=\"{}\"}} {}\n", labels, name, value);
  return text;
}

}  // namespace pgherd
