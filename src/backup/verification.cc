#include "backup/verification.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>

#include "backup/tool_log.h"

namespace pgherd::backup {
namespace {

// pgBackRest src/command/verify/verify.c, verifyErrorMsg.
constexpr std::array<std::string_view, 4> kDamages{"invalid checksum '", "invalid size '",
                                                   "file missing '", "invalid result "};

std::vector<std::string> lines_of(std::string_view text) {
  std::vector<std::string> lines;
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size());
    lines.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

std::string_view without_indent(std::string_view line) {
  const auto from = line.find_first_not_of(' ');
  return from == line.npos ? std::string_view{} : line.substr(from);
}

// What stands behind "<key>: " up to the next comma.
std::optional<std::string> value_in(std::string_view line, std::string_view key) {
  const std::string sought = fmt::format("{}: ", key);
  const auto at = line.find(sought);
  if (at == line.npos) return std::nullopt;
  const std::string_view rest = line.substr(at + sought.size());
  return std::string(rest.substr(0, rest.find(',')));
}

// "missing: 1, checksum invalid: 1, size invalid: 0, other: 0" without what is none.
std::string counted(std::string_view line) {
  std::string text;
  for (const std::string_view what : {"missing", "checksum invalid", "size invalid", "other"}) {
    const auto count = value_in(line, what);
    if (count && *count != "0")
      text += fmt::format("{}{}: {}", text.empty() ? "" : ", ", what, *count);
  }
  return text;
}

class Reading {
 public:
  void take_report(std::string_view report) {
    const auto lines = lines_of(report);
    for (std::size_t at = 0; at < lines.size(); ++at) {
      const std::string_view line = without_indent(lines[at]);
      const std::string_view next =
          at + 1 < lines.size() ? without_indent(lines[at + 1]) : std::string_view{};
      if (line.starts_with("status: ")) {
        status_ = line.substr(8);
      } else if (line.starts_with("archiveId: ")) {
        take_archive(line, next);
      } else if (line.starts_with("backup: ")) {
        take_backup(line, next);
      } else if (!line.empty() && !line.starts_with("stanza: ") && !line.starts_with("missing: ") &&
                 counted(line).empty()) {
        add(made_.findings, std::string(line));
      }
    }
  }
  void take_log(std::string_view log) {
    for (const ToolLine& line : parse_tool_log(log)) {
      const bool is_damage =
          std::any_of(kDamages.begin(), kDamages.end(),
                      [&](std::string_view damage) { return line.text.starts_with(damage); });
      if (is_damage || line.level == "ERROR" || line.level == "ASSERT") {
        add(made_.findings, line.text);
      } else if (line.level == "WARN") {
        add(made_.remarks, line.text);
      }
    }
  }
  Verification result() && {
    if (status_.empty()) {
      add(made_.findings, "pgbackrest verify did not come to a verdict");
    } else if (status_ != "ok" && made_.findings.empty()) {
      add(made_.findings, "pgbackrest verify says: " + status_);
    }
    return std::move(made_);
  }

 private:
  static void add(std::vector<std::string>& to, const std::string& text) {
    if (std::find(to.begin(), to.end(), text) == to.end()) to.push_back(text);
  }
  void take_archive(std::string_view line, std::string_view next) {
    const std::string id = value_in(line, "archiveId").value_or("?");
    add(made_.checked, fmt::format("archive {}: {} of {} files are valid", id,
                                   value_in(line, "total valid WAL").value_or("?"),
                                   value_in(line, "total WAL checked").value_or("?")));
    if (const std::string wrong = counted(next); !wrong.empty())
      add(made_.findings, fmt::format("archive {} is damaged ({})", id, wrong));
  }
  void take_backup(std::string_view line, std::string_view next) {
    const std::string label = value_in(line, "backup").value_or("?");
    const std::string status = value_in(line, "status").value_or("?");
    add(made_.checked, fmt::format("backup {}: {} of {} files are valid", label,
                                   value_in(line, "total valid files").value_or("?"),
                                   value_in(line, "total files checked").value_or("?")));
    if (status == "in-progress" || status == "valid") return;
    const std::string wrong = counted(next);
    add(made_.findings,
        fmt::format("backup {} is {}{}", label, status, wrong.empty() ? "" : " (" + wrong + ")"));
  }

  Verification made_;
  std::string status_;
};

}  // namespace

Verification read_verification(std::string_view report, std::string_view log) {
  Reading reading;
  reading.take_report(report);
  reading.take_log(log);
  return std::move(reading).result();
}

}  // namespace pgherd::backup
