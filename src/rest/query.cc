#include "rest/query.h"

#include <algorithm>

namespace pgherd {
namespace {

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

std::string percent_decoded(std::string_view text, bool plus_is_blank) {
  std::string result;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const int high = text[at] == '%' && at + 2 < text.size() ? hex_digit(text[at + 1]) : -1;
    const int low = high >= 0 ? hex_digit(text[at + 2]) : -1;
    if (low >= 0) {
      result += static_cast<char>(high * 16 + low);
      at += 2;
    } else {
      result += plus_is_blank && text[at] == '+' ? ' ' : text[at];
    }
  }
  return result;
}

Query parse_query(std::string_view text) {
  Query query;
  while (!text.empty()) {
    const std::size_t end = text.find('&');
    const std::string_view pair = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    const std::size_t equals = pair.find('=');
    if (equals == std::string_view::npos || equals + 1 == pair.size()) continue;
    query.emplace_back(percent_decoded(pair.substr(0, equals), true),
                       percent_decoded(pair.substr(equals + 1), true));
  }
  return query;
}

// "http://host:port/path", as a proxy is asked (RFC 9112, 3.2.2: every server takes it): the path.
std::string_view without_authority(std::string_view target) {
  const std::size_t scheme = target.find("://");
  if (target.starts_with('/') || scheme == std::string_view::npos) return target;
  return target.substr(std::min(target.find_first_of("/?", scheme + 3), target.size()));
}

}  // namespace

Target parse_target(std::string_view target) {
  target = without_authority(target.substr(0, target.find('#')));
  const std::size_t question = target.find('?');
  Target parsed;
  parsed.path = percent_decoded(target.substr(0, question), false);
  if (parsed.path.empty() || parsed.path.front() != '/') parsed.path.insert(0, "/");
  if (question != std::string_view::npos) parsed.query = parse_query(target.substr(question + 1));
  return parsed;
}

std::optional<std::string> first_value(const Query& query, std::string_view key) {
  for (const auto& [name, value] : query) {
    if (name == key) return value;
  }
  return std::nullopt;
}

std::string_view first_segment(std::string_view path) {
  while (!path.empty() && path.front() == '/')
    path.remove_prefix(1);
  return path.substr(0, path.find('/'));
}

}  // namespace pgherd
