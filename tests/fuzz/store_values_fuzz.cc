// The values of the store, written by Patroni of any version, by people, and by nobody knows whom:
// an unreadable one is absent. What was understood is written so that it is understood again.
#include "codec/dcs_values.h"
#include "dcs/layout.h"
#include "fuzz.h"

namespace pgherd::fuzz {
namespace {

// Bytes that are no UTF-8 are replaced when they are written first; from then on it is the same.
template <typename T, typename Encode, typename Decode>
void round_trip(const T& first, Encode encode, Decode decode, const char* what) {
  const auto written = decode(encode(first));
  require(decode(encode(written)) == written, what);
}

void read_each(std::string_view text) {
  round_trip(
      decode_member("a", text), encode_member,
      [](std::string_view value) { return decode_member("a", value); }, "a member");
  round_trip(decode_status(text), encode_status, decode_status, "a status");
  round_trip(decode_failsafe(text), encode_failsafe, decode_failsafe, "the members of failsafe");
  const auto optional = [](auto decode) {
    return [decode](std::string_view value) { return decode(value).value(); };
  };
  if (const auto history = decode_history(text)) {
    round_trip(*history, encode_history, optional(decode_history), "a history");
  }
  if (const auto sync = decode_sync(text)) {
    round_trip(*sync, encode_sync, optional(decode_sync), "a sync key");
  }
  if (const auto request = decode_failover(text)) {
    round_trip(*request, encode_failover, optional(decode_failover), "a request");
  }
}

// The text is the value of each key in turn.
void read_as_cluster(const std::string& text) {
  const Layout layout("service", "main", "a");
  std::map<std::string, KeyValue> entries;
  for (const char* leaf : {"leader", "config", "initialize", "status", "history", "sync",
                           "failover", "failsafe", "timeline", "members/a", "optime/leader"}) {
    KeyValue entry;
    entry.key = layout.key(leaf);
    entry.value = text;
    entries[entry.key] = entry;
  }
  (void)layout.view(entries, Revision{7});
}

}  // namespace
}  // namespace pgherd::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = pgherd::fuzz::text_of(data, size);
  pgherd::fuzz::read_each(text);
  pgherd::fuzz::read_as_cluster(std::string(text));
  return 0;
}
