#include "rest/request_head.h"

#include <boost/beast/http/error.hpp>
#include <boost/beast/http/field.hpp>

#include "rest/query.h"

namespace pgherd {

namespace http = boost::beast::http;

void limit_request(RequestParser& parser, const RestLimits& limits) {
  parser.header_limit(limits.header_bytes_max);
  parser.body_limit(limits.body_bytes_max);
}

ApiRequest request_in(RequestParser& parser) {
  auto& message = parser.get();
  ApiRequest request;
  request.method = std::string(message.method_string());
  request.target = parse_target({message.target().data(), message.target().size()});
  request.authorization = std::string(message[http::field::authorization]);
  request.has_length = parser.content_length().has_value() || parser.chunked();
  request.body = std::move(message.body());
  return request;
}

std::optional<int> status_of_unreadable(const boost::beast::error_code& error) {
  if (error.category() != http::make_error_code(http::error::bad_method).category())
    return std::nullopt;
  if (error == http::error::end_of_stream || error == http::error::partial_message)
    return std::nullopt;
  if (error == http::error::header_limit || error == http::error::buffer_overflow) return 431;
  return error == http::error::body_limit ? 413 : 400;
}

}  // namespace pgherd
