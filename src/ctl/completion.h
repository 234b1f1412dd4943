// Scripts by which a shell completes the words of this tool, made of the commands themselves.
#pragma once

#include <string>
#include <vector>

namespace pgherd::ctl {

struct OptionWords {
  std::vector<std::string> names;  // "-f", "--format"
  std::string about;
  bool takes_value = false;
  bool takes_file = false;
  std::vector<std::string> choices;  // of its value; empty: anything
};

struct CommandWords {
  std::string name;
  std::string about;
  std::vector<OptionWords> options;
};

struct ToolWords {
  std::vector<OptionWords> options;  // that may stand before and behind each command
  std::vector<CommandWords> commands;
};

// For the tool under all names that it is installed by: patronictl, pgherdctl and `pgherd ctl`.
// `shell`: bash, zsh or fish.
[[nodiscard]] std::string completion_script(const std::string& shell, const ToolWords& tool);

}  // namespace pgherd::ctl
