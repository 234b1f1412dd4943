// DcsFixture: asks the door and waits for the answer, so that cases read as question and answer.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "contract/dcs_world.h"

namespace pgherd::contract {

inline std::string describe(const DcsError& error) {
  return "kind " + std::to_string(static_cast<int>(error.kind)) + ": " + error.text;
}

inline Compare absent(const std::string& key) {
  return {.what = Compare::What::CreateRevision, .key = key, .number = 0, .text = {}};
}
inline Compare unchanged(const std::string& key, Revision seen) {
  return {.what = Compare::What::ModRevision, .key = key, .number = seen.value, .text = {}};
}
inline Compare value_is(const std::string& key, const std::string& value) {
  return {.what = Compare::What::Value, .key = key, .number = 0, .text = value};
}
inline Compare lease_is(const std::string& key, LeaseId lease) {
  return {.what = Compare::What::Lease, .key = key, .number = lease.value, .text = {}};
}
inline Write put(const std::string& key, const std::string& value, LeaseId lease = {}) {
  return Put{.key = key, .value = value, .lease = lease};
}

// Everything a watch has told, in order.
struct Watched {
  std::vector<WatchEvent> events;
  std::vector<Revision> batch_revisions;
  std::optional<DcsError> end;
  int signs_of_life = 0;

  [[nodiscard]] Revision reached() const {
    return batch_revisions.empty() ? Revision{} : batch_revisions.back();
  }
};

class DcsFixture {
 public:
  explicit DcsFixture(DcsWorld& world) : world_(world) {}

  [[nodiscard]] Instant in(Duration time) const { return world_.clock().now() + time; }

  // Calls `ask` with an answer function and waits for it.
  template <typename T, typename Ask>
  Result<T, DcsError> wait_for(Ask ask) {
    auto got = std::make_shared<std::optional<Result<T, DcsError>>>();
    ask([got](Result<T, DcsError> answer) {
      EXPECT_FALSE(got->has_value()) << "a request was answered twice";
      got->emplace(std::move(answer));
    });
    EXPECT_FALSE(got->has_value()) << "the answer came from inside the call";
    if (!world_.run_until([got] { return got->has_value(); }))
      return fail(DcsError{DcsErrorKind::Unavailable, "THE REQUEST WAS NEVER ANSWERED"});
    return std::move(**got);
  }

  Result<Snapshot, DcsError> read(const std::string& prefix, ReadMode mode = ReadMode::Linearizable,
                                  Duration limit = 10s) {
    return wait_for<Snapshot>(
        [&](auto answer) { world_.dcs().read(prefix, mode, in(limit), std::move(answer)); });
  }
  Result<Committed, DcsError> commit(Transaction transaction, Duration limit = 10s) {
    return wait_for<Committed>([&](auto answer) {
      world_.dcs().commit(std::move(transaction), in(limit), std::move(answer));
    });
  }
  Result<Dcs::Lease, DcsError> grant(Milliseconds ttl, Duration limit = 10s) {
    return wait_for<Dcs::Lease>(
        [&](auto answer) { world_.dcs().grant(ttl, in(limit), std::move(answer)); });
  }
  Result<Dcs::Lease, DcsError> keep_alive(LeaseId lease, Duration limit = 10s) {
    return wait_for<Dcs::Lease>(
        [&](auto answer) { world_.dcs().keep_alive(lease, in(limit), std::move(answer)); });
  }
  Result<Committed, DcsError> revoke(LeaseId lease, Duration limit = 10s) {
    return wait_for<Committed>(
        [&](auto answer) { world_.dcs().revoke(lease, in(limit), std::move(answer)); });
  }

  // For cases in which the answer must be good.
  template <typename T>
  static T good(Result<T, DcsError> answer) {
    if (answer) return std::move(*answer);
    ADD_FAILURE() << "expected success, got " << describe(answer.error());
    return T{};
  }
  Committed write(std::vector<Write> writes) {
    return good(commit({.compares = {}, .writes = std::move(writes), .otherwise = {}}));
  }
  LeaseId lease_of(Milliseconds ttl) { return good(grant(ttl)).id; }
  std::optional<KeyValue> get(const std::string& key) {
    for (auto& entry : good(read(key)).entries)
      if (entry.key == key) return std::move(entry);
    return std::nullopt;
  }

  struct Watching {
    std::shared_ptr<Watched> seen;
    std::unique_ptr<Watch> watch;
  };
  Watching watch(const std::string& prefix, Revision from, Milliseconds sign_of_life = 1s) {
    auto seen = std::make_shared<Watched>();
    auto watch =
        world_.dcs().watch(prefix, from, sign_of_life, [seen](Result<WatchBatch, DcsError> told) {
          EXPECT_FALSE(seen->end) << "something came after the watch's end";
          if (!told) {
            seen->end = std::move(told.error());
            return;
          }
          if (told->events.empty()) ++seen->signs_of_life;
          for (auto& event : told->events)
            seen->events.push_back(std::move(event));
          EXPECT_GE(told->revision, seen->reached()) << "a watch went backwards";
          seen->batch_revisions.push_back(told->revision);
        });
    EXPECT_TRUE(seen->batch_revisions.empty()) << "the handler was called from inside the call";
    return {seen, std::move(watch)};
  }
  [[nodiscard]] bool until(const std::function<bool()>& condition) {
    return world_.run_until(condition);
  }

 private:
  DcsWorld& world_;
};

}  // namespace pgherd::contract
