// The table of `pgherd backup list`, and how its values look to people. Pure but for the machine's
// time zone.
#pragma once

#include <cstdint>
#include <string>

#include "backup/repository.h"
#include "ctl/table.h"

namespace pgherd::backup {

// Pretty shows sizes and times as people read them; the other formats bytes, seconds and moments
// with their zone.
[[nodiscard]] ctl::Table backup_table(const Stanza& stanza, WallTime now, ctl::Format format);

// "22.3 MB" (of 1024 each), "966 B".
[[nodiscard]] std::string size_text(std::int64_t bytes);
// "7 s", "3 min 20 s", "2 h 5 min", "3 d 4 h".
[[nodiscard]] std::string duration_text(std::int64_t seconds);

}  // namespace pgherd::backup
