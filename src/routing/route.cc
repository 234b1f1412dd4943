#include "routing/route.h"

#include <algorithm>

namespace pgherd {
namespace {

constexpr const char* kCannotConnectNow = "57P03";

bool is_lost_sight(Instant seen_at, Instant now, const RoutingSettings& settings) {
  return now - seen_at > settings.view_age_max;
}

std::string seconds_text(Duration time) {
  const auto tenths = std::chrono::duration_cast<Milliseconds>(time).count() / 100;
  return std::to_string(tenths / 10) + "." + std::to_string(tenths % 10) + " s";
}

Direction hold_or_refuse(const Client& client, std::string why, Instant now,
                         const RoutingSettings& settings) {
  const Instant until = client.arrived + settings.hold_max;
  if (now < until) return Hold{.until = until, .why = std::move(why)};
  const bool is_write = client.purpose == Purpose::Write;
  return Refuse{.sqlstate = kCannotConnectNow,
                .message = is_write ? "there is no primary to connect to"
                                    : "there is no standby to connect to",
                .detail = "For " + seconds_text(now - client.arrived) +
                          " this router has held the connection: " + why + ".",
                .hint = is_write ? "Try again: the cluster makes another primary by itself."
                                 : "Try again, or connect to the port for writes."};
}

Direction to_primary(const Routes& routes, const std::vector<ServerLoad>& loads,
                     const Client& client, Instant now, const RoutingSettings& settings) {
  if (!routes.primary) return hold_or_refuse(client, routes.why_no_primary, now, settings);
  const std::size_t place = *routes.primary;
  if (routes.announced_change) {
    return hold_or_refuse(client, routes.leader + " is about to stop", now, settings);
  }
  if (loads[place].is_unreachable) {
    return hold_or_refuse(client, routes.servers[place].name + " does not take connections", now,
                          settings);
  }
  return To{.server = place, .must_be_primary = !routes.primary_is_in_recovery};
}

// With the fewest sessions, the first of equals; nullopt: nobody fits.
std::optional<std::size_t> least_loaded_standby(const Routes& routes,
                                                const std::vector<ServerLoad>& loads) {
  std::optional<std::size_t> best;
  for (std::size_t place = 0; place < routes.servers.size(); ++place) {
    if (!routes.servers[place].takes_reads || loads[place].is_unreachable) continue;
    if (!best || loads[place].sessions < loads[*best].sessions) best = place;
  }
  return best;
}

std::string why_no_standby(const Routes& routes, const std::vector<ServerLoad>& loads) {
  std::string why;
  for (std::size_t place = 0; place < routes.servers.size(); ++place) {
    const Server& server = routes.servers[place];
    if (server.name == routes.leader) continue;
    const bool is_silent = server.takes_reads && loads[place].is_unreachable;
    why.append(why.empty() ? "" : "; ").append(server.name).append(": ");
    why.append(is_silent ? "it does not take connections" : server.why_no_reads);
  }
  return why.empty() ? "the cluster has no standby" : why;
}

}  // namespace

Direction route(const Routes& routes, const std::vector<ServerLoad>& loads, const Client& client,
                Instant seen_at, Instant now, const RoutingSettings& settings) {
  if (!routes.is_known) {
    return hold_or_refuse(client, "the store has not told yet who is who", now, settings);
  }
  if (is_lost_sight(seen_at, now, settings) && settings.when_sight_is_lost == LostSight::Hold) {
    return hold_or_refuse(client, "the store has been silent for " + seconds_text(now - seen_at),
                          now, settings);
  }
  if (client.purpose == Purpose::Write) {
    return to_primary(routes, loads, client, now, settings);
  }
  if (const auto standby = least_loaded_standby(routes, loads)) return To{.server = *standby};
  if (settings.reads_fall_back_to_primary && routes.primary &&
      !loads[*routes.primary].is_unreachable) {
    return To{.server = *routes.primary};
  }
  return hold_or_refuse(client, why_no_standby(routes, loads), now, settings);
}

std::optional<std::string> why_doomed(const SessionFacts& session, const Routes& routes,
                                      const RoutingSettings& settings) {
  if (session.purpose == Purpose::Write) {
    // Nobody leads: it may be the election before the same one goes on, and whoever must stop
    // stops by itself. Somebody else leads: what this one still says is not to be relied on.
    if (routes.leader.empty() || routes.leader == session.server) return std::nullopt;
    return "the primary has moved from " + session.server + " to " + routes.leader;
  }
  const bool was_promoted = routes.leader == session.server && !routes.primary_is_in_recovery;
  if (was_promoted && !settings.keeps_promoted && !settings.reads_fall_back_to_primary) {
    return session.server +
           " has become the primary, and this session is for reading from standbys";
  }
  return std::nullopt;
}

}  // namespace pgherd
