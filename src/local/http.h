// One GET to a program of the herd on loopback, waited for. For polling by commands, not for the
// loop.
#pragma once

#include <string>

#include "base/instant.h"
#include "base/result.h"

namespace pgherd::local {

struct HttpAnswer {
  int status = 0;
  std::string body;
};
// `basic` as made by basic_auth, or empty. Error text: refused, too late, not HTTP.
[[nodiscard]] Result<HttpAnswer, std::string> http_get(int port, const std::string& target,
                                                       const std::string& basic = "",
                                                       Duration patience = 1s);

}  // namespace pgherd::local
