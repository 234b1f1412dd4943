// The bytes that a client of the REST API sends first: a request, or refused with a status.
#include <algorithm>
#include <boost/asio/buffer.hpp>

#include "fuzz.h"
#include "rest/basic_auth.h"
#include "rest/request_head.h"

namespace {

using pgherd::RequestParser;

// As many bytes at once as a careless or a nasty client would send.
void read_in_parts(RequestParser& parser, std::string_view text, std::size_t part,
                   boost::beast::error_code& error) {
  std::size_t begin = 0;
  std::size_t end = 0;
  while (!error && !parser.is_done() && end < text.size()) {
    end = std::min(text.size(), end + part);
    begin += parser.put(boost::asio::buffer(text.substr(begin, end - begin)), error);
    if (error == boost::beast::http::error::need_more) error = {};
  }
}

void expect_a_request(RequestParser& parser) {
  const pgherd::ApiRequest request = pgherd::request_in(parser);
  pgherd::fuzz::require(!request.method.empty(), "a method");
  pgherd::fuzz::require(request.target.path.starts_with('/'), "a path");
  pgherd::fuzz::require(request.body.empty() || request.has_length, "a body that was announced");
  for (const auto& [key, value] : request.target.query)
    pgherd::fuzz::require(!value.empty(), "a parameter with a value");
  const std::string_view segment = pgherd::first_segment(request.target.path);
  pgherd::fuzz::require(segment.find('/') == segment.npos, "a segment of the path");
  const pgherd::Credentials wanted{.username = "admin", .password = "secret"};
  const bool is_let_in =
      pgherd::check_authorization(wanted, request.authorization) == pgherd::Authorization::Granted;
  pgherd::fuzz::require(is_let_in == (request.authorization == pgherd::basic_authorization(wanted)),
                        "a login");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace pgherd;  // NOLINT(google-build-using-namespace): a target is one function
  const std::string_view text = fuzz::text_of(data, size);
  for (const std::size_t part : {text.size() + 1, std::size_t{1}}) {
    RequestParser parser;
    limit_request(parser, RestLimits{.header_bytes_max = 1024, .body_bytes_max = 64});
    parser.eager(true);
    boost::beast::error_code error;
    read_in_parts(parser, text, part, error);
    if (!error && parser.is_done()) expect_a_request(parser);
    const auto status = status_of_unreadable(error);
    fuzz::require(!status || *status == 400 || *status == 413 || *status == 431, "a status");
    fuzz::require(!error || status, "an answer");
  }
  return 0;
}
