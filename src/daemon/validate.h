// `agent --validate-config`: what is wrong with a configuration, in itself and on this machine.
#pragma once

#include <string>
#include <vector>

#include "codec/config_check.h"

namespace pgherd {

struct ValidateOptions {
  bool ignores_taken_ports = false;  // the agent of this configuration may be running
  bool only_file = false;            // it is for another machine: this one is not looked at
  bool prints = false;               // the configuration in force, if nothing is wrong with it
};

// Says on stderr all that is wrong (and what is only remarkable, as warnings), and ends with the
// exit status: 0 if nothing is wrong. Looks at files and ports of this machine and knocks at the
// store; changes nothing. Takes a few seconds if the store does not answer.
[[nodiscard]] int validate_config(const std::string& config_path, ValidateOptions options = {});

// The part that needs this machine: adds to the problems and warnings of `checked`.
void judge_on_this_machine(CheckedConfig& checked, ValidateOptions options);

}  // namespace pgherd
