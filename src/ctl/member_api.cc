#include "ctl/member_api.h"

#include <fmt/format.h>

#include "rest/url.h"

namespace pgherd::ctl {

Result<ApiReply, ApiFailure> call_member(MemberApi& api, std::string_view api_url,
                                         const std::string& method, std::string_view endpoint,
                                         const std::string& body) {
  if (!parse_http_url(api_url)) {
    return fail(ApiFailure{
        .text = fmt::format("the member publishes no usable api_url (\"{}\")", api_url)});
  }
  return api.call(
      ApiRequest{.method = method, .url = endpoint_url(api_url, endpoint), .body = body});
}

}  // namespace pgherd::ctl
