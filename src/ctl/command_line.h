// From words on the command line to a command that waits for its CtlContext. Nothing is carried out
// here.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "ctl/cluster_access.h"
#include "ctl/context.h"

namespace pgherd::ctl {

struct Invocation {
  std::optional<std::string> help;  // to be shown instead of anything else
  ClusterAccess access;
  // Exactly one of the two: most commands need a cluster, `version` alone does not.
  std::function<int(CtlContext&)> run;
  std::function<int(Console&)> run_alone;
};

// `program` as people call the tool ("pgherd ctl"); `arguments` without it. Throws UsageError,
// whose text begins with the command's usage.
[[nodiscard]] Invocation parse_command_line(const std::string& program,
                                            std::vector<std::string> arguments);

}  // namespace pgherd::ctl
