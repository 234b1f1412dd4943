// Which process is meant: a pid alone is not an identity (it may be reused), pid and start time
// are. No loop, no threads; usable anywhere.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>

namespace pgherd {

struct ProcessIdentity {
  pid_t pid = 0;
  std::uint64_t started = 0;  // clock ticks since boot, from /proc/<pid>/stat
  friend bool operator==(const ProcessIdentity&, const ProcessIdentity&) = default;
};

struct ProcessStatus {
  ProcessIdentity identity;
  pid_t parent = 0;
  char state = '?';  // as in /proc/<pid>/stat: R, S, D, T, Z...
  [[nodiscard]] bool has_ended() const { return state == 'Z' || state == 'X'; }
};

// Empty: there is no such process.
[[nodiscard]] std::optional<ProcessStatus> process_status(pid_t pid);

// Empty: no such process, or it has ended and only waits to be reaped.
[[nodiscard]] std::optional<ProcessIdentity> identify_process(pid_t pid);

// It runs, and is still the one that was identified.
[[nodiscard]] bool is_running(const ProcessIdentity& process);

// Signals exactly this process, never a later one with its pid. False: it is gone, or not ours.
bool signal_process(const ProcessIdentity& process, int number);

}  // namespace pgherd
