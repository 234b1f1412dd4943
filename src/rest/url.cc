#include "rest/url.h"

#include <algorithm>
#include <charconv>
#include <cstdint>

namespace pgherd {
namespace {

bool is_port(std::string_view text) {
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  return error == std::errc() && end == text.data() + text.size() && port != 0;
}

// Blanks and control characters would let a URL write header lines of its own.
bool is_clean(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < '\x7f'; });
}

// "host:port", "[v6]:port" or without the port.
bool split_authority(std::string_view text, HttpUrl& url) {
  if (const std::size_t user = text.rfind('@'); user != std::string_view::npos) {
    text.remove_prefix(user + 1);
  }
  std::size_t colon = text.rfind(':');
  if (text.starts_with('[')) {
    const std::size_t bracket = text.find(']');
    if (bracket == std::string_view::npos) return false;
    url.host = text.substr(1, bracket - 1);
    colon = bracket + 1 < text.size() ? bracket + 1 : std::string_view::npos;
    if (colon != std::string_view::npos && text[colon] != ':') return false;
  } else {
    url.host = text.substr(0, colon);
  }
  url.port = colon == std::string_view::npos ? (url.is_tls ? "443" : "80") : text.substr(colon + 1);
  return !url.host.empty() && is_port(url.port);
}

}  // namespace

std::string HttpUrl::authority() const {
  const bool is_v6 = host.find(':') != std::string::npos;
  return (is_v6 ? "[" + host + "]" : host) + ":" + port;
}

std::optional<HttpUrl> parse_http_url(std::string_view text) {
  HttpUrl url;
  if (text.starts_with("https://")) {
    url.is_tls = true;
    text.remove_prefix(8);
  } else if (text.starts_with("http://")) {
    text.remove_prefix(7);
  } else {
    return std::nullopt;
  }
  if (!is_clean(text)) return std::nullopt;
  text = text.substr(0, text.find('#'));
  const std::size_t end = std::min(text.find_first_of("/?"), text.size());
  url.target = text.substr(end);
  if (!url.target.starts_with('/')) url.target.insert(0, "/");
  if (!split_authority(text.substr(0, end), url)) return std::nullopt;
  return url;
}

std::string endpoint_url(std::string_view api_url, std::string_view endpoint) {
  const std::size_t scheme = api_url.find("://");
  const std::size_t from = scheme == std::string_view::npos ? 0 : scheme + 3;
  const std::size_t end = std::min(api_url.find_first_of("/?#", from), api_url.size());
  while (endpoint.starts_with('/'))
    endpoint.remove_prefix(1);
  return std::string(api_url.substr(0, end)) + "/" + std::string(endpoint);
}

}  // namespace pgherd
