// pidfd system calls. glibc's own header (2.36) forgets that C++ exists, so they are made by hand.
#pragma once

#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

namespace pgherd {

// A descriptor that stands for this very process and is readable once it has ended; -1 and errno.
[[nodiscard]] inline int open_pidfd(pid_t pid) {
  return static_cast<int>(::syscall(SYS_pidfd_open, pid, 0U));
}
// 0, or -1 and errno.
inline int signal_pidfd(int pidfd, int number) {
  return static_cast<int>(::syscall(SYS_pidfd_send_signal, pidfd, number, nullptr, 0U));
}

}  // namespace pgherd
