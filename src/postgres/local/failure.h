// Failure: how an act, or a part of one, went wrong, in words that say what to do about it.
#pragma once

#include <string>
#include <utility>

#include "base/result.h"
#include "steps/outcome.h"

namespace pgherd {

struct Failure {
  std::string text;
  ActOutcome outcome = ActOutcome::Failed;  // Failed, Cancelled or TimedOut
};
using Attempt = Result<void, Failure>;
template <typename T>
using Answer = Result<T, Failure>;

[[nodiscard]] inline tl::unexpected<Failure> failed(std::string text,
                                                    ActOutcome outcome = ActOutcome::Failed) {
  return tl::unexpected<Failure>(Failure{.text = std::move(text), .outcome = outcome});
}
[[nodiscard]] inline tl::unexpected<Failure> cancelled(std::string text = "cancelled") {
  return failed(std::move(text), ActOutcome::Cancelled);
}

}  // namespace pgherd
