#include "decide/moves/fresh_word.h"

namespace pgherd {

bool store_says_so_still(Draft& draft) {
  auto& pause = draft.memory.pause;
  pause.asks_to_open = true;
  if (!pause.opening_since) pause.opening_since = draft.moment();
  if (draft.seen.store.confirmed_at > *pause.opening_since) return true;
  draft.say("waiting for the store to say once more that maintenance mode is on");
  return false;
}

}  // namespace pgherd
