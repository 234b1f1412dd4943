// The process's environment as a value.
#pragma once

#include <map>
#include <string>

namespace pgherd {

[[nodiscard]] std::map<std::string, std::string> process_environment();

}  // namespace pgherd
