// Reading the files of a configuration. For the codec room only.
#pragma once

#include <string>

#include "base/result.h"

namespace pgherd {

// The error names the path and the system's reason.
[[nodiscard]] Result<std::string, std::string> read_text_file(const std::string& path);

}  // namespace pgherd
