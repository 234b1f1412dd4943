// The process's environment as a value.
#pragma once

#include <map>
#include <string>

namespace pgherd {

// HOME is always the home directory where there is one: a service may be started without that
// variable, then the password database says it.
[[nodiscard]] std::map<std::string, std::string> process_environment();

}  // namespace pgherd
