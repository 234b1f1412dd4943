#include "codec/conninfo.h"

#include <algorithm>

namespace pgherd {
namespace {

bool is_bare_in_conninfo(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         std::string_view("_-.:/,+@*[]%").find(c) != std::string_view::npos;
}

auto find_entry(auto& entries, std::string_view keyword) {
  return std::find_if(entries.begin(), entries.end(),
                      [&](const auto& entry) { return entry.first == keyword; });
}

}  // namespace

std::string quote_conninfo_value(std::string_view value) {
  if (!value.empty() && std::all_of(value.begin(), value.end(), is_bare_in_conninfo)) {
    return std::string(value);
  }
  std::string quoted = "'";
  for (const char c : value) {
    if (c == '\'' || c == '\\') quoted.push_back('\\');
    quoted.push_back(c);
  }
  return quoted.append("'");
}

ConnInfo::ConnInfo(std::initializer_list<std::pair<std::string, std::string>> entries) {
  for (const auto& [keyword, value] : entries)
    set(keyword, value);
}

ConnInfo& ConnInfo::set(std::string_view keyword, std::string_view value) {
  if (const auto found = find_entry(entries_, keyword); found != entries_.end()) {
    found->second = value;
  } else {
    entries_.emplace_back(keyword, value);
  }
  return *this;
}

ConnInfo& ConnInfo::set_if_any(std::string_view keyword, std::string_view value) {
  return value.empty() ? *this : set(keyword, value);
}

ConnInfo& ConnInfo::set_default(std::string_view keyword, std::string_view value) {
  return find(keyword) != nullptr ? *this : set(keyword, value);
}

ConnInfo& ConnInfo::remove(std::string_view keyword) {
  if (const auto found = find_entry(entries_, keyword); found != entries_.end()) {
    entries_.erase(found);
  }
  return *this;
}

const std::string* ConnInfo::find(std::string_view keyword) const {
  const auto found = find_entry(entries_, keyword);
  return found == entries_.end() ? nullptr : &found->second;
}

std::string ConnInfo::to_string() const {
  std::string text;
  for (const auto& [keyword, value] : entries_) {
    if (!text.empty()) text.push_back(' ');
    text.append(keyword).append("=").append(quote_conninfo_value(value));
  }
  return text;
}

std::string quote_conf_value(std::string_view value) {
  std::string quoted = "'";
  for (const char c : value) {
    if (c == '\n') {
      quoted.append("\\n");
    } else if (c == '\r') {
      quoted.append("\\r");
    } else {
      if (c == '\'' || c == '\\') quoted.push_back(c);
      quoted.push_back(c);
    }
  }
  return quoted.append("'");
}

std::string quote_sql_literal(std::string_view value) {
  std::string quoted = value.find('\\') == std::string_view::npos ? "'" : " E'";
  for (const char c : value) {
    if (c == '\0') continue;
    if (c == '\'' || c == '\\') quoted.push_back(c);
    quoted.push_back(c);
  }
  return quoted.append("'");
}

std::string quote_sql_identifier(std::string_view name) {
  std::string quoted = "\"";
  for (const char c : name) {
    if (c == '\0') continue;
    if (c == '"') quoted.push_back(c);
    quoted.push_back(c);
  }
  return quoted.append("\"");
}

std::string escape_pgpass(std::string_view field) {
  std::string escaped;
  for (const char c : field) {
    if (c == ':' || c == '\\') escaped.push_back('\\');
    escaped.push_back(c);
  }
  return escaped;
}

std::string pgpass_line(std::string_view host, std::string_view port, std::string_view database,
                        std::string_view user, std::string_view password) {
  std::string line;
  for (const std::string_view field : {host, port, database, user}) {
    line.append(field.empty() ? "*" : escape_pgpass(field)).append(":");
  }
  return line.append(escape_pgpass(password));
}

std::string pgpass_lines(std::string_view host, std::string_view port, std::string_view database,
                         std::string_view user, std::string_view password) {
  const bool is_socket = host.empty() || host.starts_with('/') || host.starts_with('@');
  std::string lines;
  if (!host.empty()) lines = pgpass_line(host, port, database, user, password) + "\n";
  if (is_socket) lines += pgpass_line("localhost", port, database, user, password) + "\n";
  return lines;
}

}  // namespace pgherd
