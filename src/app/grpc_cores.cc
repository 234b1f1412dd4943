// How many processors gRPC believes in. It makes threads, pollers and tables for each of them,
// which on a large server would be dozens of threads for the few requests per second that an agent
// and a command send. These two public functions of gRPC are all that it asks; the program's own
// come before the library's, whether that is an archive or shared.
#include <grpc/support/cpu.h>

extern "C" unsigned gpr_cpu_num_cores(void) {
  return 1;
}

extern "C" unsigned gpr_cpu_current_cpu(void) {
  return 0;
}
