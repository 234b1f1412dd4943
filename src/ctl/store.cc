#include "ctl/store.h"

#include <fmt/format.h>

#include <memory>
#include <optional>
#include <utility>

#include "ctl/errors.h"

namespace pgherd::ctl {
namespace {

// The answer may come after we have left (the loop threw): it then finds the slot alive, by itself.
template <typename T>
struct Slot {
  std::optional<Result<T, DcsError>> answer;
};

template <typename T, typename Start>
Result<T, DcsError> wait_for(Loop& loop, Start start) {
  auto slot = std::make_shared<Slot<T>>();
  start([slot](Result<T, DcsError> answer) { slot->answer = std::move(answer); });
  while (!slot->answer)
    loop.turn();
  return *std::move(slot->answer);
}

std::string advice_for(DcsErrorKind kind) {
  switch (kind) {
    case DcsErrorKind::Unavailable:
      return "check that the store runs and that the configured endpoints are right";
    case DcsErrorKind::Denied:
    case DcsErrorKind::WrongLogin:
      return "check the store's credentials in the configuration";
    case DcsErrorKind::LeaseUnknown:
    case DcsErrorKind::Compacted:
    case DcsErrorKind::Rejected:
      break;
  }
  return "try again";
}

}  // namespace

Store::Store(Dcs& dcs, Loop loop, Milliseconds patience)
    : dcs_(dcs), loop_(std::move(loop)), patience_(patience) {}

Snapshot Store::read(const std::string& prefix) {
  const Instant deadline = now() + patience_;
  auto answer = wait_for<Snapshot>(loop_, [&](DcsAnswer<Snapshot> then) {
    dcs_.read(prefix, ReadMode::Linearizable, deadline, std::move(then));
  });
  if (answer) return *std::move(answer);
  throw CtlError(fmt::format("cannot read {} from the store: {} ({})", prefix, answer.error().text,
                             advice_for(answer.error().kind)));
}

Committed Store::commit(Transaction transaction) {
  const Instant deadline = now() + patience_;
  auto answer = wait_for<Committed>(loop_, [&](DcsAnswer<Committed> then) {
    dcs_.commit(std::move(transaction), deadline, std::move(then));
  });
  if (answer) return *answer;
  if (answer.error().kind == DcsErrorKind::Unavailable) {
    throw CtlError(fmt::format(
        "no answer to a write to the store: {} (it may have been applied or not: look, then {})",
        answer.error().text, advice_for(answer.error().kind)));
  }
  throw CtlError(fmt::format("the store did not take a write: {} ({})", answer.error().text,
                             advice_for(answer.error().kind)));
}

void Store::sleep_until(Instant when) {
  bool is_over = false;
  const auto alarm = loop_.clock.at(when, [&] { is_over = true; });
  while (!is_over)
    loop_.turn();
}

}  // namespace pgherd::ctl
