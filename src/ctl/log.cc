#include "ctl/log.h"

#include <fmt/format.h>

#include <stdexcept>

#include "ctl/errors.h"

namespace pgherd::ctl {

LogLevel log_level(const std::map<std::string, std::string>& environment) {
  std::string name = "WARNING";
  for (const char* variable : {"LOGLEVEL", "PATRONI_LOGLEVEL", "PATRONI_LOG_LEVEL"}) {
    const auto found = environment.find(variable);
    if (found != environment.end() && !found->second.empty()) name = found->second;
  }
  try {
    return log_level_from(name);
  } catch (const std::invalid_argument&) {
    throw CtlError(fmt::format("Unknown level: '{}'", name));
  }
}

Result<ApiReply, ApiFailure> LoggedMemberApi::call(const ApiRequest& request) {
  const auto say = [this](const std::string& text) {
    console_.log(LogLevel::Debug, clock_.wall_now(), text);
  };
  say(fmt::format("{} {} {}", request.method, request.url, request.body));
  auto reply = api_.call(request);
  say(reply ? fmt::format("answer of {}: {} {}", request.url, reply->status, reply->body)
            : fmt::format("no answer of {}: {}", request.url, reply.error().text));
  return reply;
}

}  // namespace pgherd::ctl
