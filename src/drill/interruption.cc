#include "drill/interruption.h"

#include "drill/errors.h"

namespace pgherd::drill {
namespace {

volatile std::sig_atomic_t noted = 0;  // a signal handler may touch nothing else

extern "C" void note_signal(int number) {
  noted = number;
}

}  // namespace

Interruption::Interruption() {
  noted = 0;
  struct sigaction action{};
  action.sa_handler = note_signal;
  sigemptyset(&action.sa_mask);
  for (const int number : {SIGINT, SIGTERM, SIGHUP})
    sigaction(number, &action, &before_[number]);
}

Interruption::~Interruption() {
  for (const auto& [number, action] : before_)
    sigaction(number, &action, nullptr);
}

void Interruption::throw_if_any() {
  if (const int number = noted; number != 0) throw Interrupted(number);
}

}  // namespace pgherd::drill
