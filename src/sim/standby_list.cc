#include "sim/standby_list.h"

#include <algorithm>
#include <regex>

namespace pgherd::sim {
namespace {

// Unquoted, or in quotes that double those within. Names of this world are ASCII.
constexpr const char* kEntry = R"re(\s*(?:"((?:[^"]|"")+)"|([A-Za-z_][\w$]*|\*))\s*(,|$))re";
constexpr const char* kCounted = R"re(\s*(?:(any|first)\s+)?(\d+)\s*\((.*)\)\s*)re";

std::string in_lower_case(std::string text) {
  for (char& c : text)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return text;
}

// Empty when it is no list.
std::vector<NodeName> names_in(const std::string& list) {
  static const std::regex entry(kEntry);
  std::vector<NodeName> names;
  auto at = list.cbegin();
  bool has_more = true;
  for (std::smatch found; has_more; at = found[0].second) {
    if (!std::regex_search(at, list.cend(), found, entry, std::regex_constants::match_continuous)) {
      return {};
    }
    std::string name = found[1].matched ? found[1].str() : found[2].str();
    for (auto twice = name.find("\"\""); found[1].matched && twice != std::string::npos;
         twice = name.find("\"\"", twice + 1)) {
      name.erase(twice, 1);
    }
    names.push_back(in_lower_case(std::move(name)));
    has_more = found[3].length() > 0;
  }
  return names;
}

}  // namespace

bool StandbyList::has_star() const {
  return std::find(names.begin(), names.end(), "*") != names.end();
}

std::optional<std::size_t> StandbyList::place_of(const NodeName& standby) const {
  const auto wanted = in_lower_case(standby);
  const auto found = std::find_if(names.begin(), names.end(), [&](const NodeName& name) {
    return name == "*" || name == wanted;
  });
  if (found == names.end()) return std::nullopt;
  return static_cast<std::size_t>(found - names.begin());
}

StandbyList read_standby_list(const std::string& text) {
  static const std::regex counted(kCounted, std::regex::icase);
  StandbyList list{.text = text};
  if (text.find_first_not_of(" \t\n") == std::string::npos) return list;
  list.count = 1;
  std::smatch found;
  std::string names = text;
  if (std::regex_match(text, found, counted)) {
    list.is_any = in_lower_case(found[1].str()) == "any";
    list.count = std::stoul(found[2].str());
    names = found[3].str();
  }
  list.names = names_in(names);
  if (list.names.empty() || list.count == 0) {
    list.count = 1;
    list.names = {"*"};
  }
  return list;
}

}  // namespace pgherd::sim
