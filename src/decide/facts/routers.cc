#include "decide/facts/routers.h"

#include <algorithm>

namespace pgherd {

const std::string* router_in_motion(const Draft& draft, Revision announced) {
  const auto& routers = draft.cluster().routers;
  const auto found = std::find_if(routers.begin(), routers.end(),
                                  [&](const auto& router) { return router.second != announced; });
  return found == routers.end() ? nullptr : &found->first;
}

}  // namespace pgherd
