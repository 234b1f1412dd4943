// Lets the server's own binary judge a configuration, so that a word which it does not take costs
// that word and not the start.
//
// Threads: the hands' loop.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <functional>
#include <set>
#include <string>
#include <vector>

#include "postgres/local/act_context.h"

namespace pgherd {

// A part of the file that is judged. The references must outlive the call.
struct JudgedSettings {
  std::string key;  // of the configuration: where the operator can mend it
  ParameterMap& settings;
  std::set<std::string>& refused;  // gets the names that are left out
};

// Reads `conf` by `postgres -C`. A setting that it refuses is taken out of its part, with a
// warning, and `write` is called to put the file in place without it. Never taken out: what stands
// on the command line, and whom a standby follows, for without them the server would be another
// one. Returns whether the file was found good; false: it complains of something that is not among
// these settings, and a start will tell that with more context. Fails when it is cancelled or
// `write` has failed.
[[nodiscard]] boost::asio::awaitable<Answer<bool>> leave_out_what_is_refused(
    ActContext& context, const ActControl& control, std::string conf,
    std::vector<JudgedSettings> judged, std::function<Attempt()> write);

// A setting of the stopped server, whichever of its files has it; "" when it cannot be read, which
// is logged.
[[nodiscard]] boost::asio::awaitable<std::string> setting_of(ActContext& context,
                                                             const ActControl& control,
                                                             std::string name);

}  // namespace pgherd
