// The scripts of `ctl completion`, as the shells use them.
#include "ctl/completion.h"

#include <gtest/gtest.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "ctl/a_desk.h"

namespace pgherd::ctl::test {
namespace {

std::string script_for(const std::string& shell) {
  ADesk desk;
  const Ran ran = desk.run({"completion", shell});
  EXPECT_EQ(ran.exit_code, 0) << ran.err;
  return ran.out;
}

// What bash offers when Tab is pressed behind these words, the last of which may have begun.
class Bash : public ::testing::Test {
 public:
  Bash() {
    std::string pattern = (std::filesystem::temp_directory_path() / "pgherd-tab-XXXXXX").string();
    dir_ = ::mkdtemp(pattern.data());
    std::ofstream(dir_ + "/script") << script_for("bash");
  }
  ~Bash() override { std::filesystem::remove_all(dir_); }

 protected:
  [[nodiscard]] std::string tab(const std::string& words) const {
    const std::string command = "bash -c '. " + dir_ + "/script; COMP_WORDS=(" + words +
                                "); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _pgherd_ctl; "
                                "echo \"${COMPREPLY[*]}\"' 2>&1";
    FILE* out = ::popen(command.c_str(), "r");
    if (out == nullptr) return "bash does not start";
    std::string text;
    std::array<char, 4096> piece = {};
    while (std::fgets(piece.data(), piece.size(), out) != nullptr)
      text += piece.data();
    ::pclose(out);
    return text.substr(0, text.find_last_not_of('\n') + 1);
  }

  std::string dir_;
};

TEST_F(Bash, CompletesCommandsOptionsAndWhatAnOptionMayBe) {
  EXPECT_EQ(tab("patronictl swi"), "switchover");
  EXPECT_EQ(tab("pgherd ctl swi"), "switchover");
  EXPECT_EQ(tab("patronictl switchover --cand"), "--candidate");
  EXPECT_EQ(tab("patronictl list -f \"\""), "pretty tsv json yaml yml");
  EXPECT_EQ(tab("patronictl restart --role st"), "standby-leader standby");
  EXPECT_EQ(tab("patronictl --table c"), "classic");
  EXPECT_EQ(tab("patronictl list --inse"), "--insecure") << "the tool's options stand behind, too";
}

TEST_F(Bash, CompletesFilesWhereOneIsExpected) {
  EXPECT_EQ(tab("patronictl -c " + dir_ + "/scr"), dir_ + "/script");
  EXPECT_EQ(tab("patronictl edit-config --apply " + dir_ + "/scr"), dir_ + "/script");
  EXPECT_EQ(tab("patronictl query -c SEL"), "") << "there -c is SQL";
}

TEST_F(Bash, LeavesOtherCommandsOfPgherdAlone) {
  EXPECT_EQ(tab("pgherd agent swi"), "");
}

TEST(Completion, IsThereForZshAndFish) {
  EXPECT_TRUE(script_for("zsh").starts_with("autoload -U +X bashcompinit && bashcompinit\n"));
  const std::string fish = script_for("fish");
  EXPECT_NE(fish.find("complete -c patronictl -f -n '__pgherd_ctl_is \"\"' -a switchover -d"),
            std::string::npos);
  EXPECT_NE(fish.find("-n '__pgherd_ctl_is list' -s f -l format -x -a 'pretty tsv json yaml yml'"),
            std::string::npos);
}

TEST(Completion, NamesTheShellsThatItKnows) {
  ADesk desk;
  const Ran ran = desk.run({"completion", "tcsh"});
  EXPECT_EQ(ran.exit_code, 2);
  EXPECT_NE(ran.err.find("bash"), std::string::npos) << ran.err;
}

}  // namespace
}  // namespace pgherd::ctl::test
