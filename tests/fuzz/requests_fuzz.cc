// The bodies of requests to the REST API: read, or refused with a status and a text.
#include "fuzz.h"
#include "rest/requests.h"

namespace {

template <typename Outcome>
void expect_a_reason(const Outcome& outcome) {
  if (outcome) return;
  pgherd::fuzz::require(outcome.error().code >= 400 && outcome.error().code < 600, "a status");
  pgherd::fuzz::require(!outcome.error().text.empty(), "a text");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace pgherd;  // NOLINT(google-build-using-namespace): a target is one function
  const std::string_view body = fuzz::text_of(data, size);
  const WallTime now{1'800'000'000'000'000};
  for (const bool paused : {false, true}) {
    Settings settings;
    settings.paused = paused;
    expect_a_reason(read_handover(body, Handover::Switchover, settings, now));
    expect_a_reason(read_handover(body, Handover::Failover, settings, now));
    expect_a_reason(read_restart(body, paused, now));
  }
  expect_a_reason(read_reinitialize(body));
  expect_a_reason(read_failsafe_ping(body));
  return 0;
}
