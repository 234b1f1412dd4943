// What a client wrote during a drill, and what it saw. Values only.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/instant.h"

namespace pgherd::drill {

struct Acknowledged {
  std::int64_t row = 0;
  Instant at;
};

struct WriteRecord {
  std::vector<Acknowledged> acknowledged;  // in the order of time
  std::int64_t unknown = 0;                // sent, and nobody said whether they were committed
  std::string last_failure;  // in the server's or libpq's words, "" while there was none
};

// From one acknowledgement to the next one.
struct Silence {
  Instant began;
  Instant ended;
  [[nodiscard]] Duration length() const { return ended - began; }
};
// The longest that ended after `since`; what lasts until `now` counts. Absent: nothing was
// acknowledged before `since`, so that nobody can say.
[[nodiscard]] std::optional<Silence> longest_silence(const WriteRecord& record, Instant since,
                                                     Instant now);

// How many acknowledged rows are not among `found`.
[[nodiscard]] std::int64_t lost_rows(const WriteRecord& record,
                                     const std::set<std::int64_t>& found);

}  // namespace pgherd::drill
