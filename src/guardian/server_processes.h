// Every process that is PostgreSQL on one data directory: the postmaster that was named (if pid and
// start time still match), its descendants, and whatever is named postgres and works in the
// directory.
#pragma once

#include <string>

#include "runtime/process_identity.h"
#include "runtime/unique_fd.h"

namespace pgherd {

struct ServerProcesses {
  std::string data_dir;
  ProcessIdentity postmaster;  // pid 0: not known
};

// A hold on one postmaster, taken while there is time, so that a strike is one look and one signal
// for each process: well under a millisecond, where a look at every process of a machine takes
// several, in which a node that has just been thawed would acknowledge a write. Not copied.
class PostmasterGrip {
 public:
  PostmasterGrip() = default;
  // Holds nobody where there is no such process.
  explicit PostmasterGrip(const ProcessIdentity& postmaster);

  // Kills the children that the kernel lists, the youngest first: they are those that serve
  // clients. Then the postmaster. Nobody who is killed gets the processor before all are. Who is no
  // child, or is born in that moment, is left to a round. False: there is no postmaster. Never
  // waits.
  bool strike() const;

  // Goes the same way and sends nothing, so that a strike finds the memory that it needs: what this
  // process has not touched since it made a server (fork) would first be copied, a page at a time.
  void rehearse() const;

 private:
  bool send(int number) const;

  pid_t pid_ = 0;
  UniqueFd process_;
  UniqueFd children_;  // absent where the kernel was built without the list
};

// One round: strikes, then kills whatever else it finds, the postmaster first so that nothing new
// is born. Returns how many were found alive; 0 means that nothing of it is left. Never waits.
[[nodiscard]] int kill_server_processes(const ServerProcesses& server);

}  // namespace pgherd
