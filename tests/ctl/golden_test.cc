// Whole outputs, in golden/*.txt: a cluster's keys, and what commands print of it. `$ words`: what
// patronictl 4.0.7 prints as well, as tests/mixed/test_command_line.py checks (it knows no --table
// and draws the classic one); `> words`: ours alone, later columns or a difference on purpose.
// With PGHERD_REWRITE_GOLDEN set the files are written anew: look at what git diff says of them.
#include <gtest/gtest.h>

#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "ctl/a_desk.h"

namespace pgherd::ctl::test {
namespace {

std::vector<std::string> words_of(const std::string& text) {
  std::istringstream stream(text);
  std::vector<std::string> words;
  for (std::string word; stream >> word;)
    words.push_back(word);
  return words;
}

// The file as it would be if what we print now were right.
std::string written_anew(const std::filesystem::path& path) {
  ADesk desk;
  std::ifstream file(path);
  std::string text;
  for (std::string line; std::getline(file, line);) {
    const bool is_command = line.starts_with("$ ") || line.starts_with("> ");
    if (line.starts_with("# ") || line.starts_with("put ") || is_command) text.append(line + "\n");
    if (line.starts_with("put ")) {
      const std::size_t blank = std::min(line.find(' ', 4), line.size());
      desk.put(line.substr(4, blank - 4), line.substr(std::min(blank + 1, line.size())));
    }
    if (!is_command) continue;
    const Ran ran = desk.run(words_of(line.substr(2)));
    text.append(ran.out).append(ran.err);
  }
  return text;
}

std::string text_of(const std::filesystem::path& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

TEST(WholeOutput, IsAsItIsWrittenDown) {
  setenv("TZ", "UTC0", 1);
  tzset();
  int files = 0;
  for (const auto& entry : std::filesystem::directory_iterator("tests/ctl/golden")) {
    const std::string text = written_anew(entry.path());
    if (std::getenv("PGHERD_REWRITE_GOLDEN") != nullptr) std::ofstream(entry.path()) << text;
    EXPECT_EQ(text, text_of(entry.path())) << entry.path();
    ++files;
  }
  EXPECT_GT(files, 0);
  unsetenv("TZ");
  tzset();
}

}  // namespace
}  // namespace pgherd::ctl::test
