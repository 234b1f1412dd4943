// Small things that people and PostgreSQL write: positions, quantities, times, names, commands,
// addresses.
#include "codec/parse_units.h"
#include "codec/shell_words.h"
#include "codec/time_values.h"
#include "fuzz.h"
#include "model/lsn.h"
#include "model/sync_names.h"
#include "rest/access.h"
#include "rest/query.h"
#include "rest/url.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace pgherd;  // NOLINT(google-build-using-namespace): a target is one function
  const std::string_view text = fuzz::text_of(data, size);
  if (const auto lsn = parse_lsn(text)) {
    fuzz::require(parse_lsn(to_string(*lsn)) == lsn, "a position");
  }
  if (const auto names = parse_sync_names(text)) {
    const auto again = parse_sync_names(to_string(*names));
    fuzz::require(names->has_star || again == names, "synchronous_standby_names");
  }
  const TimeDefaults here = {
      .today = std::chrono::year_month_day(std::chrono::year(2027), std::chrono::August,
                                           std::chrono::day(1)),
      .zone = [](WallFace) { return LocalZone{.east = 90min, .name = "XST"}; }};
  if (const auto time = read_time(text, here)) {
    fuzz::require(parse_zoned_time(format_time(*time)) == *time, "a time");
  }
  (void)parse_integer(text);
  (void)shell_words(text);
  (void)parse_conn_url(text);
  (void)parse_network(text);
  (void)parse_target(text);
  (void)parse_http_url(text);
  return 0;
}
