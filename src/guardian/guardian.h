// Guardian: waits for orders and for their time. Owned by guardian_main; lives as long as it is of
// use.
//
// It is the parent of the PostgreSQL that it starts, which is ended when it ends (launch.h). So it
// stays as long as that lives, or it is armed, or an agent is connected. One agent at a time: the
// newest, of the same user or root. An order stands when its agent goes.
#pragma once

#include <cstdint>
#include <string>

#include "base/instant.h"
#include "guardian/order.h"
#include "guardian/server_processes.h"
#include "runtime/process_identity.h"
#include "runtime/unique_fd.h"

namespace pgherd {

// What a guardian hands to itself when it becomes a newer program.
struct GuardianHeritage {
  int listener = -1;
  Instant fence_at = Instant::never();
  ProcessIdentity processes;
  ProcessIdentity server;
};

class Guardian {
 public:
  // Takes the socket's name. Throws std::system_error; code EADDRINUSE: this data directory has a
  // guardian already. `successor`: the program that it becomes when an agent of another version
  // comes.
  Guardian(const std::string& data_dir, std::string successor);
  Guardian(std::string data_dir, std::string successor, const GuardianHeritage& heritage);

  // Returns when it is of no use any more.
  void run();

 private:
  void wait_and_take();
  void accept_agent();
  void hear_agent();
  void take(const Order& order);
  void launch(const Order& order, int text, int log);
  void answer(const OrderTaken& taken);
  void become_newer();
  [[nodiscard]] bool has_server() const;
  void mind(const ProcessIdentity& postmaster);
  void set_timer();
  void carry_out_if_due();
  void say(const std::string& text) const;
  [[nodiscard]] bool is_armed() const { return !fence_at_.is_never(); }

  std::string successor_;
  ServerProcesses processes_;
  PostmasterGrip grip_;     // on its postmaster
  ProcessIdentity server_;  // the last that was started
  Instant fence_at_ = Instant::never();
  bool is_hunting_ = false;
  Instant look_again_;
  Instant first_agent_until_;
  UniqueFd listener_;
  UniqueFd agent_;
  UniqueFd timer_;
};

}  // namespace pgherd
