// What a decision costs: at rest, on the leader and on a standby, and in an election.
#include <benchmark/benchmark.h>

#include "decide/decide.h"
#include "herd_values.h"

namespace pgherd::bench {
namespace {

const Instant kNow = Instant::from_nanoseconds(1'000'000'000'000);

void decide_once(benchmark::State& state, const Observation& seen) {
  const Memory settled = decide(seen, Memory{}, kNow).memory;
  for (auto _ : state) {
    benchmark::DoNotOptimize(decide(seen, settled, kNow + 10ms));
  }
}

void leader_at_rest(benchmark::State& state) {
  decide_once(state, observation(static_cast<int>(state.range(0)), 0, kNow));
}
BENCHMARK(leader_at_rest)->Arg(3)->Arg(9);

void standby_at_rest(benchmark::State& state) {
  decide_once(state, observation(static_cast<int>(state.range(0)), 1, kNow));
}
BENCHMARK(standby_at_rest)->Arg(3)->Arg(9);

void election(benchmark::State& state) {
  const int nodes = static_cast<int>(state.range(0));
  Observation seen = observation(nodes, 1, kNow);
  seen.store.cluster->leader.reset();
  for (int number = 0; number < nodes; ++number) {
    PeerView answer;
    answer.asked_at = answer.answered_at = kNow;
    answer.is_reachable = number != 0;
    answer.in_recovery = true;
    answer.position = Lsn{1'000'000};
    answer.timeline = Timeline{3};
    if (number != 1) seen.peers[node_name(number)] = answer;
  }
  decide_once(state, seen);
}
BENCHMARK(election)->Arg(3)->Arg(9);

}  // namespace
}  // namespace pgherd::bench
