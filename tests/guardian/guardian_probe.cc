// What the tests of the guardian run as other processes.
//   guardian --data-dir D --successor P   the guardian itself
//   agent D POSTMASTER MS          orders the kill of POSTMASTER in MS milliseconds, says "armed"
//   when
//                                  the guardian has it, then does nothing more
//   postmaster                     says "up PID" after it has started a child, which ignores
//   SIGTERM
#include <sys/prctl.h>
#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include "guardian/guardian_fence.h"
#include "guardian/guardian_main.h"
#include "runtime/asio_clock.h"

namespace {

int be_agent(char** argv) {
  boost::asio::io_context loop;
  pgherd::GuardianFence fence(loop.get_executor(), {.data_dir = argv[2], .on_connected = [] {
                                                      std::puts("armed");
                                                      std::fflush(stdout);
                                                    }});
  fence.arm(pgherd::boottime_now() + pgherd::Milliseconds(std::atoi(argv[4])), std::atoi(argv[3]));
  fence.start();
  loop.run();
  return 0;
}

int be_postmaster() {
  std::signal(SIGTERM, SIG_IGN);
  const pid_t child = ::fork();
  if (child == 0) {
    ::setsid();  // like a backend: not in the postmaster's group
    for (;;)
      ::pause();
  }
  std::printf("up %d\n", child);
  std::fflush(stdout);
  for (;;)
    ::pause();
}

}  // namespace

int main(int argc, char** argv) {
  const std::string_view what = argc > 1 ? argv[1] : "";
  if (what == "guardian") return pgherd::guardian_main(argc, argv);
  if (what == "agent" && argc == 5) return be_agent(argv);
  if (what == "postmaster") return be_postmaster();
  std::fputs("guardian_probe: what?\n", stderr);
  return 1;
}
