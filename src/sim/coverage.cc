#include "sim/coverage.h"

#include <cctype>
#include <fstream>
#include <stdexcept>

namespace pgherd::sim {
namespace {

// "| E12 | Otherwise: ..." -> "E12"; "" for any other line.
std::string id_of(const std::string& line) {
  if (!line.starts_with("| ") || line.size() < 5) return "";
  auto id = line.substr(2, line.find(' ', 2) - 2);
  if (id.size() < 2 || std::isupper(static_cast<unsigned char>(id[0])) == 0) return "";
  for (std::size_t i = 1; i < id.size(); ++i) {
    if (std::isdigit(static_cast<unsigned char>(id[i])) == 0) return "";
  }
  return id;
}

}  // namespace

std::set<std::string> read_rule_ids(const std::string& path) {
  std::ifstream file(path);
  if (!file) throw std::runtime_error("cannot read the catalogue of rules " + path);
  std::set<std::string> ids;
  for (std::string line; std::getline(file, line);) {
    if (auto id = id_of(line); !id.empty()) ids.insert(std::move(id));
  }
  if (ids.empty()) throw std::runtime_error("there are no rules in " + path);
  return ids;
}

Coverage cover(const std::set<std::string>& ids, const Summary& seeds,
               const std::map<std::string, std::string>& in_stories) {
  Coverage coverage;
  const auto note = [&](const std::string& id) {
    if (!ids.contains(id)) coverage.unknown.insert(id);
  };
  for (const auto& [id, count] : seeds.rules)
    note(id);
  for (const auto& [id, story] : in_stories)
    note(id);
  for (const auto& id : ids) {
    const auto found = seeds.rules.find(id);
    const auto story = in_stories.find(id);
    std::string where;
    if (found != seeds.rules.end()) {
      where = std::to_string(found->second) + " times, first in seed " +
              std::to_string(seeds.first_seed.at(id));
    }
    if (story != in_stories.end()) where += (where.empty() ? "" : "; ") + story->second;
    if (where.empty()) {
      coverage.unseen.insert(id);
      where = "never";
    }
    coverage.text += "  " + id + std::string(5 - id.size(), ' ') + where + "\n";
  }
  const auto seen = ids.size() - coverage.unseen.size();
  coverage.text +=
      "rules seen at work: " + std::to_string(seen) + " of " + std::to_string(ids.size()) + "\n";
  return coverage;
}

}  // namespace pgherd::sim
