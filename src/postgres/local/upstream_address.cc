#include "postgres/local/upstream_address.h"

#include "postgres/local/act_context.h"
#include "postgres/local/config_files.h"
#include "postgres/local/monitor.h"
#include "runtime/asio_clock.h"
#include "runtime/name_lookup.h"

namespace pgherd {
namespace {

namespace asio = boost::asio;

constexpr Duration kPatience = 250ms;
// Wakes that follow each other more closely belong to one absence (F8 makes five in 8 s).
constexpr Duration kOneAbsence = 10s;
constexpr int kWakesByAddress = 2;

bool may_have_address(const Upstream& upstream) {
  if (upstream.host.empty() || upstream.is_remote) return false;
  if (upstream.host.find_first_of("/@,") != std::string::npos) return false;
  boost::system::error_code error;
  (void)asio::ip::make_address(upstream.host, error);
  return static_cast<bool>(error);  // an address needs none
}

asio::awaitable<std::string> single_address_of(Upstream upstream) {
  if (!may_have_address(upstream)) co_return "";
  const auto found = co_await look_up(upstream.host, kPatience, OldAddresses::Refused);
  if (!found || found->addresses.size() != 1) co_return "";
  co_return found->addresses.front().to_string();
}

}  // namespace

std::string known_address(ActContext& context, const Upstream& upstream) {
  UpstreamAddress& known = context.upstream_address;
  if (known.host.empty()) {
    // An agent that was started anew leaves a receiver alone that streams.
    const auto section = written_recovery_section(*context.config);
    const auto written = section.find("primary_conninfo");
    if (written != section.end()) {
      known.host = upstream_of(written->second, "").host;
      known.address = address_in(written->second);
    }
  }
  return may_have_address(upstream) && known.host == upstream.host ? known.address : "";
}

asio::awaitable<void> look_up_upstream(ActContext& context, Upstream upstream) {
  std::string address = co_await single_address_of(upstream);
  context.upstream_address = {.host = upstream.host, .address = std::move(address)};
}

asio::awaitable<bool> look_up_for_wake(ActContext& context, Upstream upstream) {
  const std::string before = known_address(context, upstream);
  const UpstreamAddress earlier = context.upstream_address;
  const bool is_same_absence =
      earlier.host == upstream.host && boottime_now() < earlier.woken_at + kOneAbsence;
  co_await look_up_upstream(context, upstream);
  UpstreamAddress& known = context.upstream_address;
  known.wakes = is_same_absence ? earlier.wakes + 1 : 0;
  known.woken_at = boottime_now();
  if (known.wakes >= kWakesByAddress) known.address.clear();
  co_return known.address != before;
}

}  // namespace pgherd
