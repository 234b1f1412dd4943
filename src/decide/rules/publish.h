// P: what others shall know.
#pragma once

#include "decide/draft.h"

namespace pgherd {

void publish(Draft& draft);

}  // namespace pgherd
