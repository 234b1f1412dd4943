// What a failed attempt means for the request it belongs to (etcd 3.5 API guarantees; gRPC status
// codes).
#pragma once

#include <string>

#include "dcs/dcs.h"

namespace grpc {
class Status;
}  // namespace grpc

namespace pgherd::etcd {

enum class Verdict {
  Final,           // the store has spoken: `kind` is the answer
  NotSent,         // never reached the store: another endpoint may be asked without further thought
  Elsewhere,       // nobody knows whether it was carried out: another endpoint may know more
  Reauthenticate,  // the token is not, or no longer, good
};

struct Setback {
  Verdict verdict = Verdict::Elsewhere;
  DcsErrorKind kind = DcsErrorKind::Unavailable;  // when it is final
  std::string text;
};

// Precondition: `status` is not OK.
[[nodiscard]] Setback verdict_on(const grpc::Status& status);

// A watch that the store cancelled: Final(Compacted), Reauthenticate or Elsewhere.
[[nodiscard]] Setback verdict_on_cancelled_watch(std::int64_t compact_revision,
                                                 const std::string& reason);

}  // namespace pgherd::etcd
