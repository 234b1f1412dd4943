// A command as people write it in a configuration, cut into words by a shell's rules of quoting
// (Python's shlex.split in POSIX mode); nothing is expanded, and # is a letter like any other.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace pgherd {

// nullopt: a quote is not closed, or a backslash stands last.
[[nodiscard]] std::optional<std::vector<std::string>> shell_words(std::string_view command);

// What a person means by an option in quotes of its own, `'"bar baz"'`: the one word that it is to
// a shell. A text of several words, and one whose quotes are not closed, stays as it is.
[[nodiscard]] std::string option_value(std::string_view text);

}  // namespace pgherd
