#include "model/member.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdio>

namespace pgherd {
namespace {

constexpr std::array<std::string_view, 15> kStateNames = {
    "initializing new cluster",
    "initdb failed",
    "running custom bootstrap script",
    "custom bootstrap failed",
    "creating replica",
    "running",
    "starting",
    "starting after custom bootstrap",
    "start failed",
    "restarting",
    "restart failed",
    "stopping",
    "stopped",
    "stop failed",
    "crashed",
};

constexpr std::array<std::string_view, 6> kRoleNames = {
    "primary", "standby_leader", "replica", "promoted", "demoted", "uninitialized",
};

// One code point of UTF-8 at `at`, which is advanced; a broken sequence counts byte by byte.
std::uint32_t next_code_point(std::string_view text, std::size_t& at) {
  const auto first = static_cast<unsigned char>(text[at++]);
  int following = 0;
  std::uint32_t code = first;
  if (first >= 0xF0) {
    following = 3;
    code = first & 0x07U;
  } else if (first >= 0xE0) {
    following = 2;
    code = first & 0x0FU;
  } else if (first >= 0xC0) {
    following = 1;
    code = first & 0x1FU;
  }
  while (following-- > 0 && at < text.size()) {
    code = (code << 6U) | (static_cast<unsigned char>(text[at++]) & 0x3FU);
  }
  return code;
}

}  // namespace

std::string_view to_string(MemberState state) {
  return kStateNames[static_cast<std::size_t>(state)];
}

std::optional<MemberState> parse_member_state(std::string_view text) {
  for (std::size_t index = 0; index < kStateNames.size(); ++index) {
    if (kStateNames[index] == text) return static_cast<MemberState>(index);
  }
  return std::nullopt;
}

std::string_view to_string(MemberRole role) {
  return kRoleNames[static_cast<std::size_t>(role)];
}

std::optional<MemberRole> parse_member_role(std::string_view text) {
  if (text == "master") return MemberRole::Primary;
  for (std::size_t index = 0; index < kRoleNames.size(); ++index) {
    if (kRoleNames[index] == text) return static_cast<MemberRole>(index);
  }
  return std::nullopt;
}

std::optional<HostPort> parse_conn_url(std::string_view conn_url) {
  const std::size_t scheme = conn_url.find("://");
  if (scheme == std::string_view::npos) return std::nullopt;
  std::string_view rest = conn_url.substr(scheme + 3);
  rest = rest.substr(0, rest.find_first_of("/?"));
  if (const std::size_t user = rest.rfind('@'); user != std::string_view::npos) {
    rest = rest.substr(user + 1);
  }
  HostPort found{.host = {}, .port = "5432"};
  if (rest.starts_with('[')) {
    const std::size_t close = rest.find(']');
    if (close == std::string_view::npos) return std::nullopt;
    found.host = rest.substr(1, close - 1);
    rest = rest.substr(close + 1);
    if (rest.starts_with(':')) found.port = rest.substr(1);
  } else {
    const std::size_t colon = rest.find(':');
    found.host = rest.substr(0, colon);
    if (colon != std::string_view::npos) found.port = rest.substr(colon + 1);
  }
  if (found.host.empty() || found.port.empty()) return std::nullopt;
  return found;
}

std::string slot_name_of(std::string_view member_name) {
  std::string slot;
  for (std::size_t at = 0; at < member_name.size();) {
    const std::uint32_t code = next_code_point(member_name, at);
    if (code < 0x80 && (std::isalnum(static_cast<int>(code)) != 0 || code == '_')) {
      slot.push_back(static_cast<char>(std::tolower(static_cast<int>(code))));
    } else if (code == '-' || code == '.') {
      slot.push_back('_');
    } else {
      std::string digits = std::to_string(code);
      slot.append("u").append(digits.size() < 4 ? 4 - digits.size() : 0, '0').append(digits);
    }
  }
  return slot.substr(0, 63);
}

namespace {

// As PostgreSQL counts: 1 kB are 1024 bytes.
std::string size_text(double bytes) {
  constexpr std::array<const char*, 5> kUnits{"bytes", "kB", "MB", "GB", "TB"};
  constexpr double kStep = 1024;
  std::size_t unit = 0;
  while (bytes >= kStep && unit + 1 < kUnits.size()) {
    bytes /= kStep;
    ++unit;
  }
  std::array<char, 32> text{};
  (void)std::snprintf(text.data(), text.size(), unit == 0 ? "%.0f %s" : "%.1f %s", bytes,
                      kUnits[unit]);
  return text.data();
}

std::string time_text(double seconds) {
  constexpr double kMinute = 60;
  constexpr double kHour = 3600;
  std::array<char, 32> text{};
  if (seconds < 2 * kMinute) {
    (void)std::snprintf(text.data(), text.size(), "%.0f s", seconds);
  } else if (seconds < 2 * kHour) {
    (void)std::snprintf(text.data(), text.size(), "%.0f min", seconds / kMinute);
  } else {
    (void)std::snprintf(text.data(), text.size(), "%.1f h", seconds / kHour);
  }
  return text.data();
}

}  // namespace

std::string describe(const CopyProgress& copy) {
  const auto copied = static_cast<double>(copy.copied_bytes);
  const auto total = static_cast<double>(copy.total_bytes);
  if (copy.copied_bytes == 0) return "for " + time_text(static_cast<double>(copy.seconds));
  std::string text = size_text(copied);
  if (copy.total_bytes != 0) {
    const auto percent = std::min<std::uint64_t>(copy.copied_bytes * 100 / copy.total_bytes, 100);
    text = std::to_string(percent) + " % of " + size_text(total);
  }
  if (copy.seconds <= 0) return text;
  const double rate = copied / static_cast<double>(copy.seconds);
  text += ", " + size_text(rate) + "/s";
  if (total > copied) text += ", " + time_text((total - copied) / rate) + " left";
  return text;
}

}  // namespace pgherd
