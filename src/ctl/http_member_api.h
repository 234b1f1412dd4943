// HttpMemberApi: the members' REST APIs over HTTP, one request at a time.
#pragma once

#include <functional>
#include <optional>

#include "ctl/member_api.h"
#include "model/agent_config.h"
#include "rest/client.h"

namespace pgherd::ctl {

class HttpMemberApi final : public MemberApi {
 public:
  // Throws std::runtime_error if a certificate or key cannot be used. `turn` handles what is due on
  // `loop`, waiting for it if need be.
  HttpMemberApi(boost::asio::any_io_executor loop, std::function<void()> turn,
                const ClientSecurity& security, std::optional<Credentials> authentication);

  [[nodiscard]] Result<ApiReply, ApiFailure> call(const ApiRequest& request) override;

 private:
  HttpClient client_;
  std::function<void()> turn_;
  std::optional<Credentials> authentication_;
};

}  // namespace pgherd::ctl
