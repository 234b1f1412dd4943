#include "ctl/completion.h"

#include <fmt/format.h>

#include <algorithm>

namespace pgherd::ctl {
namespace {

std::string joined(const std::vector<std::string>& words, const char* by) {
  std::string text;
  for (const auto& word : words)
    text += (text.empty() ? "" : by) + word;
  return text;
}

std::vector<std::string> names_of(const std::vector<OptionWords>& options) {
  std::vector<std::string> names;
  for (const auto& option : options)
    names.insert(names.end(), option.names.begin(), option.names.end());
  return names;
}

// "list:-f|list:--format"
std::string pattern(const std::string& command, const OptionWords& option) {
  std::vector<std::string> cases;
  for (const auto& name : option.names)
    cases.push_back(command + ":" + name);
  return joined(cases, "|");
}

// What follows an option that takes a value; nothing can be said of most.
std::string bash_values(const std::string& command, const std::vector<OptionWords>& options) {
  std::string text;
  for (const OptionWords& option : options) {
    if (!option.takes_value) continue;
    const std::string values = option.takes_file ? "-f"
                               : option.choices.empty()
                                   ? "-W ''"
                                   : "-W '" + joined(option.choices, " ") + "'";
    text += fmt::format("    {}) COMPREPLY=($(compgen {} -- \"$word\")); return ;;\n",
                        pattern(command, option), values);
  }
  return text;
}

std::string bash_script(const ToolWords& tool) {
  std::vector<std::string> commands;
  for (const auto& command : tool.commands)
    commands.push_back(command.name);
  const std::string common = joined(names_of(tool.options), " ");
  // A command's own letters come before the tool's: `query -c` is SQL.
  std::string values;
  std::string words;
  for (const CommandWords& command : tool.commands) {
    values += bash_values(command.name, command.options);
    words += fmt::format("    {}) words='{} {}' ;;\n", command.name,
                         joined(names_of(command.options), " "), common);
  }
  values += bash_values("*", tool.options);
  return fmt::format(R"script(_pgherd_ctl() {{
  local word=${{COMP_WORDS[COMP_CWORD]}} before=${{COMP_WORDS[COMP_CWORD-1]}} command='' words='' i=1
  if [[ ${{COMP_WORDS[0]##*/}} == pgherd ]]; then
    [[ ${{COMP_WORDS[1]}} == ctl ]] || return
    i=2
  fi
  for ((; i < COMP_CWORD; i++)); do
    case ${{COMP_WORDS[i]}} in
    {0}) command=${{COMP_WORDS[i]}}; break ;;
    esac
  done
  case $command:$before in
{1}  esac
  case $command in
    '') words='{2} {3}' ;;
{4}  esac
  COMPREPLY=($(compgen -W "$words" -- "$word"))
}}
complete -o default -F _pgherd_ctl patronictl pgherdctl pgherd
)script",
                     joined(commands, "|"), values, joined(commands, " "), common, words);
}

std::string fish_quoted(const std::string& text) {
  std::string quoted = "'";
  for (const char c : text) {
    if (c == '\'' || c == '\\') quoted += '\\';
    quoted += c;
  }
  return quoted + "'";
}

std::string fish_option(const OptionWords& option) {
  std::string text;
  for (const std::string& name : option.names)
    text += name.starts_with("--") ? " -l " + name.substr(2) : " -s " + name.substr(1);
  if (option.takes_value) text += option.takes_file ? " -r -F" : " -x";
  if (!option.choices.empty()) text += " -a " + fish_quoted(joined(option.choices, " "));
  return text + " -d " + fish_quoted(option.about);
}

std::string fish_script(const ToolWords& tool) {
  std::vector<std::string> names;
  for (const auto& command : tool.commands)
    names.push_back(command.name);
  std::string text = fmt::format(R"script(function __pgherd_ctl_command
  set -l words (commandline -opc)
  if string match -q '*pgherd' $words[1]; and test "$words[2]" != ctl
    return 1
  end
  for word in $words[2..-1]
    if contains -- $word {}
      echo $word
      return 0
    end
  end
  return 0
end
function __pgherd_ctl_is
  set -l found (__pgherd_ctl_command)
  or return
  test "$argv[1]" = "$found"
end
)script",
                                 joined(names, " "));
  for (const char* program : {"patronictl", "pgherdctl", "pgherd"}) {
    const std::string complete = fmt::format("complete -c {} ", program);
    const bool is_pgherd = std::string(program) == "pgherd";
    const std::string inside = is_pgherd ? " -n '__fish_seen_subcommand_from ctl'" : std::string();
    for (const OptionWords& option : tool.options)
      text += complete + inside + fish_option(option) + "\n";
    for (const CommandWords& command : tool.commands) {
      text += fmt::format("{}-f -n '__pgherd_ctl_is \"\"' -a {} -d {}\n", complete, command.name,
                          fish_quoted(command.about));
      for (const OptionWords& option : command.options) {
        text += fmt::format("{}-n '__pgherd_ctl_is {}'{}\n", complete, command.name,
                            fish_option(option));
      }
    }
  }
  return text;
}

}  // namespace

std::string completion_script(const std::string& shell, const ToolWords& tool) {
  if (shell == "fish") return fish_script(tool);
  // zsh reads the one of bash.
  const std::string begin = shell == "zsh" ? "autoload -U +X bashcompinit && bashcompinit\n" : "";
  return begin + bash_script(tool);
}

}  // namespace pgherd::ctl
