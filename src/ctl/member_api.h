// MemberApi: the members' REST APIs as the operator's commands see them. ctl_main gives a real one,
// tests a pretended one.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/instant.h"
#include "base/result.h"

namespace pgherd::ctl {

struct ApiRequest {
  std::string method;
  std::string url;
  std::string body;  // JSON, "" for none
  // Absent: as long as it takes. A restart or a switchover answers when it is over.
  std::optional<Milliseconds> timeout;
};

struct ApiReply {
  int status = 0;
  std::string body;
};

struct ApiFailure {
  // False: nothing was sent (no address, refused, TLS handshake failed). True: the request may have
  // arrived and may be under way.
  bool may_have_arrived = false;
  std::string text;
};

class MemberApi {
 public:
  virtual ~MemberApi() = default;
  [[nodiscard]] virtual Result<ApiReply, ApiFailure> call(const ApiRequest& request) = 0;
};

// `call` for a member's endpoint; a member without an API is one that was not reached.
[[nodiscard]] Result<ApiReply, ApiFailure> call_member(MemberApi& api, std::string_view api_url,
                                                       const std::string& method,
                                                       std::string_view endpoint,
                                                       const std::string& body);

}  // namespace pgherd::ctl
