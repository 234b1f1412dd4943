// The tool's log: what it does, on stderr, in patronictl's form ("2026-08-01 03:00:00,123 - DEBUG -
// text"). Only warnings, unless a variable says otherwise.
#pragma once

#include <map>
#include <string>

#include "base/clock.h"
#include "ctl/console.h"
#include "ctl/member_api.h"

namespace pgherd::ctl {

// What LOGLEVEL, PATRONI_LOGLEVEL and PATRONI_LOG_LEVEL ask for, the last of them that is set;
// CtlError for what is no level.
[[nodiscard]] LogLevel log_level(const std::map<std::string, std::string>& environment);

// The members' APIs, each request and its answer logged at level DEBUG. Whoever it is given
// outlives it.
class LoggedMemberApi final : public MemberApi {
 public:
  LoggedMemberApi(MemberApi& api, Console& console, const Clock& clock)
      : api_(api), console_(console), clock_(clock) {}
  [[nodiscard]] Result<ApiReply, ApiFailure> call(const ApiRequest& request) override;

 private:
  MemberApi& api_;
  Console& console_;
  const Clock& clock_;
};

}  // namespace pgherd::ctl
