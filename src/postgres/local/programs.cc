#include "postgres/local/programs.h"

#include <fmt/core.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace pgherd {

std::string program_of(const PostgresConfig& config, const std::string& name) {
  const auto other = config.bin_names.find(name);
  const std::string& called = other == config.bin_names.end() ? name : other->second;
  if (config.bin_dir.empty() || called.starts_with('/')) return called;
  return config.bin_dir + "/" + called;
}

std::string path_of_program(const std::string& program) {
  if (program.find('/') != std::string::npos)
    return ::access(program.c_str(), X_OK) == 0 ? program : "";
  const char* variable = std::getenv("PATH");  // NOLINT: nobody changes it while we run
  std::string_view folders = variable == nullptr ? "" : variable;
  while (!folders.empty()) {
    const std::size_t end = folders.find(':');
    const std::string path = std::string(folders.substr(0, end)) + "/" + program;
    if (::access(path.c_str(), X_OK) == 0) return path;
    folders = end == std::string_view::npos ? std::string_view() : folders.substr(end + 1);
  }
  return {};
}

int version_in(std::string_view version_line) {
  const auto at = version_line.find(") ");
  int major = 0;
  if (at != std::string_view::npos)
    std::from_chars(version_line.data() + at + 2, version_line.data() + version_line.size(), major);
  return major;
}

Attempt expect_name_of_postgres(const std::string& program) {
  namespace fs = std::filesystem;
  std::error_code error;
  const fs::path file = fs::canonical(path_of_program(program), error);
  if (error || file.filename() == "postgres" || file.filename() == "postmaster") return {};
  constexpr std::string_view kExecutable = "\177ELF";
  std::array<char, kExecutable.size()> begin{};
  std::ifstream(file, std::ios::binary).read(begin.data(), begin.size());
  if (std::string_view(begin.data(), begin.size()) != kExecutable) return {};
  return failed(fmt::format(
      "postgresql.bin_name.postgres: {} is an executable by another name than postgres, and its "
      "processes would not be known as PostgreSQL's; make it a link to one that is called "
      "postgres, or a script that runs one",
      file.string()));
}

}  // namespace pgherd
