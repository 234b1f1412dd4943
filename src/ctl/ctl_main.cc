#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <iostream>

#include "ctl/cluster_access.h"
#include "ctl/command_line.h"
#include "ctl/ctl.h"
#include "ctl/errors.h"
#include "ctl/log.h"
#include "ctl/run.h"
#include "runtime/environment.h"

namespace pgherd::ctl {
namespace {

// Nothing of ours must be tidied up: requests that were sent go on without us, and say so nowhere.
extern "C" void abort_on_interrupt(int) {
  restore_terminal();
  constexpr std::string_view kText = "\nAborted!\n";
  (void)!write(STDERR_FILENO, kText.data(), kText.size());
  _exit(1);
}

std::string program_name(const char* argv0) {
  std::string name = std::filesystem::path(argv0 == nullptr ? "" : argv0).filename().string();
  const bool is_own_name =
      name.empty() || name == "ctl" || name == "pgherd" || name == "pgherd ctl";
  return is_own_name ? "pgherd ctl" : name;
}

int run_program(int argc, char** argv) {
  std::signal(SIGINT, abort_on_interrupt);
  const Terminals terminals{.in = isatty(STDIN_FILENO) == 1, .out = isatty(STDOUT_FILENO) == 1};
  Console console(std::cin, std::cout, std::cerr, terminals);
  return guarded(console, [&] {
    const std::string program = program_name(argc > 0 ? argv[0] : nullptr);
    std::vector<std::string> arguments(argv + std::min(argc, 1), argv + argc);
    const bool is_bare = arguments.empty();
    const Invocation invocation = parse_command_line(program, std::move(arguments));
    if (is_bare) throw UsageError(invocation.help.value_or(""));
    if (invocation.help) {
      console.print(*invocation.help);
      return 0;
    }
    console.show_log_from(log_level(process_environment()));
    return invocation.run_alone ? invocation.run_alone(console)
                                : with_cluster(console, invocation.access,
                                               [&](CtlContext& context, const AgentConfig&) {
                                                 return invocation.run(context);
                                               });
  });
}

}  // namespace
}  // namespace pgherd::ctl

namespace pgherd {

int ctl_main(int argc, char** argv) {
  return ctl::run_program(argc, argv);
}

}  // namespace pgherd
