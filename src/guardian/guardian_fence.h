// GuardianFence: the agent's side of the guardian. Finds the guardian of a data directory or starts
// one, keeps the last order and tells it again to any new guardian.
//
// Threads: on the loop's thread. Orders given while no guardian is there are delivered when it is.
// Destroying it closes the connection; the last order stands.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <functional>
#include <memory>
#include <string>

#include "postgres/fence.h"
#include "postgres/launcher.h"

namespace pgherd {

struct GuardianFenceOptions {
  std::string data_dir;                    // absolute
  std::string program = "/proc/self/exe";  // has the subcommand `guardian`
  // Called on the loop when there is a guardian, and when there is none any more and why. It is
  // looked for again by itself, with a pause that grows to a second.
  std::function<void()> on_connected;
  std::function<void(const std::string& problem)> on_trouble;
};

class GuardianFence final : public Fence {
 public:
  GuardianFence(const boost::asio::any_io_executor& loop, GuardianFenceOptions options);
  ~GuardianFence() override;
  GuardianFence(const GuardianFence&) = delete;
  GuardianFence& operator=(const GuardianFence&) = delete;

  // Begins to look for a guardian. Once, before the first order.
  void start();
  [[nodiscard]] bool is_connected() const;

  void arm(Instant at, std::int64_t postmaster_pid) override;
  void arm_no_later(Instant at, std::int64_t postmaster_pid) override;
  void disarm() override;

  // Starts a server as the guardian's child. `done` is called once, on the loop; never when this is
  // destroyed before.
  void launch(ServerProcess process, std::function<void(Launched)> done);

 private:
  class Link;
  std::shared_ptr<Link> link_;
};

}  // namespace pgherd
