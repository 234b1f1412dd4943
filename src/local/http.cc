#include "local/http.h"

#include <boost/asio/io_context.hpp>
#include <utility>

namespace pgherd::local {

Result<HttpAnswer, HttpError> http_get(int port, const std::string& target,
                                       std::optional<Credentials> authentication,
                                       Milliseconds patience) {
  HttpRequest request;
  request.url = "http://127.0.0.1:" + std::to_string(port) + target;
  request.authentication = std::move(authentication);
  request.timeout = patience;
  boost::asio::io_context loop;
  Result<HttpAnswer, HttpError> answer = fail(HttpError{});
  HttpClient(loop.get_executor()).send(std::move(request), [&](auto result) {
    answer = std::move(result);
  });
  loop.run();
  return answer;
}

}  // namespace pgherd::local
