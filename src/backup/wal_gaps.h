// Which write-ahead log a repository should have and has not. Pure.
//
// `pgbackrest verify` looks at each file that is there; it does not miss one that is not (2.55,
// tried: a segment that a backup needs was removed, and the status was ok).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "backup/repository.h"
#include "base/result.h"

namespace pgherd::backup {

// The names in a stanza's archive, "17-1/0000000100000000/0000...03-3bfa....gz", from
// `pgbackrest repo-ls --recurse --output=json`. The error says what is wrong with the text.
[[nodiscard]] Result<std::vector<std::string>, std::string> parse_listing(std::string_view json);

// A sentence for each gap, of one repository: in what a backup cannot be used without, and between
// the newest backup and the end of the archive. Before that a gap may be what retention took.
[[nodiscard]] std::vector<std::string> wal_gaps(const Stanza& stanza, int repository,
                                                const std::vector<std::string>& files);

}  // namespace pgherd::backup
