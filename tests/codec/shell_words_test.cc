#include "codec/shell_words.h"

#include <gtest/gtest.h>

namespace pgherd {
namespace {

using Words = std::vector<std::string>;

TEST(ShellWords, AreCutAtBlanks) {
  EXPECT_EQ(shell_words("/bin/notify  --to\tops\n"), (Words{"/bin/notify", "--to", "ops"}));
  EXPECT_EQ(shell_words(" "), Words{});
  EXPECT_EQ(shell_words(""), Words{});
}

TEST(ShellWords, AreKeptTogetherByQuotes) {
  EXPECT_EQ(shell_words(R"(sh -c 'echo "$@" >> /log' name)"),
            (Words{"sh", "-c", R"(echo "$@" >> /log)", "name"}));
  EXPECT_EQ(shell_words(R"(a"b c"'d e'f)"), (Words{"ab cd ef"}));
  EXPECT_EQ(shell_words(R"(a '' "")"), (Words{"a", "", ""}));
}

TEST(ShellWords, HaveBackslashesWhereAShellSeesThem) {
  EXPECT_EQ(shell_words(R"(a\ b \'c \\)"), (Words{"a b", "'c", "\\"}));
  EXPECT_EQ(shell_words(R"("a\"b\\c\d")"), (Words{R"(a"b\c\d)"}));
  EXPECT_EQ(shell_words(R"('a\')"), (Words{R"(a\)"}));
}

TEST(ShellWords, AreNeitherExpandedNorCommentedOut) {
  EXPECT_EQ(shell_words("echo $HOME *.conf #1 a;b"),
            (Words{"echo", "$HOME", "*.conf", "#1", "a;b"}));
}

TEST(OptionValue, LosesTheQuotesAroundAllOfIt) {
  EXPECT_EQ(option_value(R"("bar baz")"), "bar baz");
  EXPECT_EQ(option_value("'C.UTF-8'"), "C.UTF-8");
  EXPECT_EQ(option_value("bar baz"), "bar baz");
  EXPECT_EQ(option_value(R"("a" "b c")"), R"("a" "b c")");
  EXPECT_EQ(option_value("it's"), "it's");
  EXPECT_EQ(option_value(""), "");
}

TEST(ShellWords, NeedTheirQuotesClosed) {
  EXPECT_EQ(shell_words("it's"), std::nullopt);
  EXPECT_EQ(shell_words(R"(say "so\")"), std::nullopt);
  EXPECT_EQ(shell_words("end\\"), std::nullopt);
}

}  // namespace
}  // namespace pgherd
