#include <fmt/format.h>

#include "ctl/commands.h"
#include "ctl/errors.h"
#include "ctl/time_text.h"

namespace pgherd::ctl {
namespace {

constexpr Duration kUsualInterval = 2s;

std::optional<Duration> interval_of(const WatchOptions& watch) {
  if (watch.seconds) {
    return std::chrono::duration_cast<Duration>(std::chrono::duration<double>(*watch.seconds));
  }
  if (watch.is_on) return kUsualInterval;
  return std::nullopt;
}

void list_once(CtlContext& context, const ListOptions& options,
               const std::vector<std::string>& clusters) {
  const bool is_for_people = options.format == Format::Pretty;
  // Read first: a cleared screen that waits for a slow store shows nothing.
  std::vector<Cluster> read;
  for (const std::string& name : clusters)
    read.push_back(read_cluster(context, name));
  if (is_for_people && interval_of(options.watch)) context.console.clear_screen();
  if (options.with_timestamp) context.console.say(stamp_seconds(context.store.wall_now()));
  for (const Cluster& cluster : read) {
    print_cluster(
        context, cluster,
        {.format = options.format, .layout = options.layout, .is_extended = options.is_extended});
  }
}

}  // namespace

int run_watched(CtlContext& context, const WatchOptions& watch, const std::function<void()>& once) {
  const auto interval = interval_of(watch);
  if (!interval) {
    once();
    return 0;
  }
  for (;;) {
    const Instant began = context.store.now();
    try {
      once();
    } catch (const CtlError& error) {
      context.console.complain(fmt::format("Error: {}", error.what()));
    }
    context.store.sleep_until(began + *interval);
  }
}

int list_members(CtlContext& context, const ListOptions& options) {
  std::vector<std::string> clusters = options.clusters;
  if (clusters.empty() && !context.scope.empty()) clusters.push_back(context.scope);
  if (clusters.empty()) {
    context.console.log(LogLevel::Warning, context.store.wall_now(),
                        "Listing members: No cluster names were provided");
    return 0;
  }
  return run_watched(context, options.watch, [&] { list_once(context, options, clusters); });
}

}  // namespace pgherd::ctl
