// What reading the store costs: one member's value, and the picture of a whole cluster.
#include <benchmark/benchmark.h>

#include "codec/dcs_values.h"
#include "dcs/layout.h"
#include "herd_values.h"

namespace pgherd::bench {
namespace {

void read_member(benchmark::State& state) {
  const std::string text = encode_member(member(1));
  for (auto _ : state) {
    benchmark::DoNotOptimize(decode_member("pg1", text));
  }
}
BENCHMARK(read_member);

void write_member(benchmark::State& state) {
  const Member one = member(1);
  for (auto _ : state) {
    benchmark::DoNotOptimize(encode_member(one));
  }
}
BENCHMARK(write_member);

void read_settings(benchmark::State& state) {
  constexpr std::string_view kConfig =
      R"({"ttl":30,"loop_wait":10,"retry_timeout":10,"synchronous_mode":"quorum",)"
      R"("postgresql":{"use_pg_rewind":true,"parameters":{"max_connections":100}}})";
  for (auto _ : state) {
    benchmark::DoNotOptimize(decode_settings(kConfig));
  }
}
BENCHMARK(read_settings);

void read_cluster(benchmark::State& state) {
  const Layout layout("service", "main", "pg0");
  std::map<std::string, KeyValue> entries;
  for (int number = 0; number < state.range(0); ++number) {
    KeyValue entry;
    entry.key = layout.member_key(node_name(number));
    entry.value = encode_member(member(number));
    entries[entry.key] = entry;
  }
  for (auto _ : state) {
    // Without what an earlier reading has left: as after a reconnection.
    const Layout fresh("service", "main", "pg0");
    benchmark::DoNotOptimize(fresh.view(entries, Revision{7}));
  }
}
BENCHMARK(read_cluster)->Arg(3)->Arg(9);

}  // namespace
}  // namespace pgherd::bench
