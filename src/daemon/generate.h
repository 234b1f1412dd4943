// `agent --generate-sample-config` and `agent --generate-config`.
#pragma once

#include <string>

namespace pgherd {

struct GenerateOptions {
  bool is_sample = false;  // else of a PostgreSQL that runs on this machine
  std::string dsn;         // how to reach it; "": libpq's variables say it
  std::string output;      // a file, made with its folders, for its owner alone; "": stdout
};

// Returns the exit status; what went wrong is on stderr.
[[nodiscard]] int generate_config(const GenerateOptions& options);

}  // namespace pgherd
