// ProcessWait: what Linux says of a process at one moment, as far as it tells whether a signal has
// been taken: `/proc/<pid>/status`.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace pgherd {

struct ProcessWait {
  char state = '?';                 // 'S' sleeps, 'D' waits for the disk, 'R' runs
  bool has_hangup_pending = false;  // SIGHUP was sent and not taken yet
  std::uint64_t sleeps = 0;         // how often it has gone to sleep by itself
  std::uint64_t interruptions = 0;
  friend bool operator==(const ProcessWait&, const ProcessWait&) = default;
};

// nullopt for text that is no such file.
[[nodiscard]] std::optional<ProcessWait> parse_process_wait(std::string_view text);
// nullopt when the process is gone.
[[nodiscard]] std::optional<ProcessWait> look_at_process(std::int64_t pid);

}  // namespace pgherd
