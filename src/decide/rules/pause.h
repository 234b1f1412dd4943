// M: maintenance mode. M1, that nothing is started, stopped or promoted but what an operator asks
// for, is how decide.cc goes through the rules then.
#pragma once

#include "decide/draft.h"

namespace pgherd {

// M6 data of another cluster. True: there is nothing more to be decided.
[[nodiscard]] bool has_foreign_data(Draft& draft);
enum class PausedServer {
  Runs,
  ComesBack,        // it is down on the way of something that this agent does
  IsToBeRecovered,  // an operator wants it to run
  IsSettled,        // it is as it shall be, and what can be said of it is said
};
[[nodiscard]] PausedServer look_at_paused_server(Draft& draft);
// M5 for a holder of the key that is no primary. True: settled.
[[nodiscard]] bool gives_back_standbys_key(Draft& draft);
void stay_beside_leader(Draft& draft);

}  // namespace pgherd
