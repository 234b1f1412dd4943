#include "runtime/process_identity.h"

#include <cinttypes>
#include <cstdio>
#include <string>

#include "runtime/files.h"
#include "runtime/pidfd.h"
#include "runtime/unique_fd.h"

namespace pgherd {

std::optional<ProcessStatus> process_status(pid_t pid) {
  if (pid <= 0) return std::nullopt;
  const auto text = read_file("/proc/" + std::to_string(pid) + "/stat");
  if (!text) return std::nullopt;
  // The name, in parentheses, may contain anything; the rest has no parentheses.
  const auto name_end = text->rfind(')');
  if (name_end == std::string::npos) return std::nullopt;
  ProcessStatus status{.identity = {.pid = pid}};
  const int found =
      std::sscanf(text->c_str() + name_end + 1,
                  " %c %d %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s "
                  "%*s %*s %" SCNu64,
                  &status.state, &status.parent, &status.identity.started);
  if (found != 3) return std::nullopt;
  return status;
}

std::optional<ProcessIdentity> identify_process(pid_t pid) {
  const auto status = process_status(pid);
  if (!status || status->has_ended()) return std::nullopt;
  return status->identity;
}

bool is_running(const ProcessIdentity& process) {
  return identify_process(process.pid) == process;
}

bool signal_process(const ProcessIdentity& process, int number) {
  const UniqueFd pidfd(open_pidfd(process.pid));
  // Opened first, compared then: the descriptor stays with the process that was compared.
  if (!pidfd.is_open() || !is_running(process)) return false;
  return signal_pidfd(pidfd.get(), number) == 0;
}

}  // namespace pgherd
