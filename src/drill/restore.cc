// `pgherd drill restore`.
#include <fmt/format.h>

#include "drill/actions.h"
#include "drill/ground.h"

namespace pgherd::drill {

int drill_restore(const Drilled& drilled, const backup::CommonOptions& common,
                  const backup::RestoreTestOptions& restore) {
  const ctl::Cluster cluster = read_cluster_that_is_well(drilled);
  confirm(drilled,
          fmt::format("Restore the newest backup of cluster {} on this machine, open it, and "
                      "remove it again?",
                      cluster.name));
  return backup::restore_test(common, restore);
}

}  // namespace pgherd::drill
