#include "ctl/http_member_api.h"

#include <memory>
#include <utility>

namespace pgherd::ctl {

HttpMemberApi::HttpMemberApi(boost::asio::any_io_executor loop, std::function<void()> turn,
                             const ClientSecurity& security,
                             std::optional<Credentials> authentication)
    : client_(std::move(loop), security),
      turn_(std::move(turn)),
      authentication_(std::move(authentication)) {}

Result<ApiReply, ApiFailure> HttpMemberApi::call(const ApiRequest& request) {
  HttpRequest sent{.method = request.method,
                   .url = request.url,
                   .body = request.body,
                   .authentication = authentication_,
                   .timeout = request.timeout};
  using Answer = Result<HttpAnswer, HttpError>;
  auto answer = std::make_shared<std::optional<Answer>>();
  client_.send(std::move(sent), [answer](Answer came) { *answer = std::move(came); });
  while (!answer->has_value())
    turn_();
  const Answer& came = **answer;
  if (came) return ApiReply{.status = came->status, .body = came->body};
  return fail(ApiFailure{.may_have_arrived = came.error().kind != HttpErrorKind::NotSent,
                         .text = came.error().text});
}

}  // namespace pgherd::ctl
