// What `pgbackrest verify` found. Pure.
//
// Its exit status says nothing: it is 0 for a damaged repository as well (pgBackRest 2.55,
// src/command/verify/verify.c, cmdVerify). What it prints says it, and what it logs names the
// files.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace pgherd::backup {

struct Verification {
  std::vector<std::string> findings;  // a sentence each; empty: all that it looked at is right
  std::vector<std::string> remarks;   // warnings that are no damage
  std::vector<std::string> checked;   // "backup 2026...F: 966 of 966 files are valid"
};

// `report`: the output of --output=text --verbose; `log`: of --log-level-stderr=info.
[[nodiscard]] Verification read_verification(std::string_view report, std::string_view log);

}  // namespace pgherd::backup
