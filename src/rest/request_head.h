// A request as Beast's parser has read it, in this room's words, and the answer to what was no
// request. Pure. For this room only.
#pragma once

#include <boost/beast/core/error.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <optional>

#include "rest/handlers.h"
#include "rest/server.h"

namespace pgherd {

using RequestParser = boost::beast::http::request_parser<boost::beast::http::string_body>;

// How much of a head and of a body is read.
void limit_request(RequestParser& parser, const RestLimits& limits);

// All but who has sent it. Takes the body out of the parser.
[[nodiscard]] ApiRequest request_in(RequestParser& parser);

// The status for bytes that are not HTTP, or too many; nullopt if nobody listens to an answer.
[[nodiscard]] std::optional<int> status_of_unreadable(const boost::beast::error_code& error);

}  // namespace pgherd
