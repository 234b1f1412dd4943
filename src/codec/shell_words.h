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

}  // namespace pgherd
