#include "dcs/etcd/verdict.h"

#include <grpcpp/support/status.h>

#include <algorithm>
#include <array>
#include <string_view>

namespace pgherd::etcd {

namespace {

bool says(const std::string& text, std::string_view what) {
  return text.find(what) != std::string::npos;
}

template <std::size_t N>
bool says_one_of(const std::string& text, const std::array<std::string_view, N>& sentences) {
  return std::any_of(sentences.begin(), sentences.end(),
                     [&](std::string_view sentence) { return says(text, sentence); });
}

// gRPC has no code of its own for "no connection"; these are its words for it (1.51 and later).
constexpr std::array<std::string_view, 6> kNoConnection = {"failed to connect to all addresses",
                                                           "connections to all backends failing",
                                                           "connection attempt failed",
                                                           "DNS resolution failed",
                                                           "Domain name not found",
                                                           "empty address list"};

// etcd has several codes for "your token is no good", so the text decides.
constexpr std::array<std::string_view, 4> kTokenIsNoGood = {
    "invalid auth token", "user name is empty", "revision of auth store is old",
    "permission denied"};

constexpr std::array<std::string_view, 3> kLoginIsWrong = {"authentication failed", "invalid user",
                                                           "user not found"};

std::string_view name_of(grpc::StatusCode code) {
  switch (code) {
    case grpc::StatusCode::OK:
      return "ok";
    case grpc::StatusCode::CANCELLED:
      return "cancelled";
    case grpc::StatusCode::UNKNOWN:
      return "unknown";
    case grpc::StatusCode::INVALID_ARGUMENT:
      return "invalid argument";
    case grpc::StatusCode::DEADLINE_EXCEEDED:
      return "deadline exceeded";
    case grpc::StatusCode::NOT_FOUND:
      return "not found";
    case grpc::StatusCode::ALREADY_EXISTS:
      return "already exists";
    case grpc::StatusCode::PERMISSION_DENIED:
      return "permission denied";
    case grpc::StatusCode::RESOURCE_EXHAUSTED:
      return "resource exhausted";
    case grpc::StatusCode::FAILED_PRECONDITION:
      return "failed precondition";
    case grpc::StatusCode::ABORTED:
      return "aborted";
    case grpc::StatusCode::OUT_OF_RANGE:
      return "out of range";
    case grpc::StatusCode::UNIMPLEMENTED:
      return "unimplemented";
    case grpc::StatusCode::INTERNAL:
      return "internal";
    case grpc::StatusCode::UNAVAILABLE:
      return "unavailable";
    case grpc::StatusCode::DATA_LOSS:
      return "data loss";
    case grpc::StatusCode::UNAUTHENTICATED:
      return "unauthenticated";
    default:
      return "unknown code";
  }
}

// etcd's grpc-proxy passes on what etcd says, and puts "unknown" in the place of its code.
struct Sentence {
  std::string_view words;
  grpc::StatusCode code;
};
constexpr std::array kOfEtcd = {
    Sentence{"requested lease not found", grpc::StatusCode::NOT_FOUND},
    Sentence{"required revision has been compacted", grpc::StatusCode::OUT_OF_RANGE},
    Sentence{"required revision is a future revision", grpc::StatusCode::OUT_OF_RANGE},
    Sentence{"database space exceeded", grpc::StatusCode::RESOURCE_EXHAUSTED},
    Sentence{"too many requests", grpc::StatusCode::RESOURCE_EXHAUSTED},
    Sentence{"duplicate key given in txn request", grpc::StatusCode::INVALID_ARGUMENT},
    Sentence{"too many operations in txn request", grpc::StatusCode::INVALID_ARGUMENT},
    Sentence{"request is too large", grpc::StatusCode::INVALID_ARGUMENT},
    Sentence{"no leader", grpc::StatusCode::UNAVAILABLE},
};

grpc::StatusCode code_of(const grpc::Status& status) {
  if (status.error_code() != grpc::StatusCode::UNKNOWN) return status.error_code();
  const std::string said = status.error_message();  // a copy
  if (!said.starts_with("etcdserver: ")) return status.error_code();
  const auto* known = std::find_if(kOfEtcd.begin(), kOfEtcd.end(), [&](const Sentence& sentence) {
    return said.find(sentence.words) != std::string_view::npos;
  });
  return known == kOfEtcd.end() ? status.error_code() : known->code;
}

Setback final(DcsErrorKind kind, std::string text) {
  return {Verdict::Final, kind, std::move(text)};
}

}  // namespace

Setback verdict_on(const grpc::Status& status) {
  const auto& said = status.error_message();
  const grpc::StatusCode code = code_of(status);
  std::string text = std::string(name_of(code)) + ": " + said;
  if (says_one_of(said, kTokenIsNoGood))
    return {Verdict::Reauthenticate, DcsErrorKind::Denied, std::move(text)};
  if (says_one_of(said, kLoginIsWrong))
    return final(DcsErrorKind::WrongLogin,
                 text + "; check etcd3.username and etcd3.password in the configuration");

  switch (code) {
    case grpc::StatusCode::UNAUTHENTICATED:
    case grpc::StatusCode::PERMISSION_DENIED:
      return {Verdict::Reauthenticate, DcsErrorKind::Denied, std::move(text)};
    case grpc::StatusCode::NOT_FOUND:
      if (says(said, "lease not found")) return final(DcsErrorKind::LeaseUnknown, std::move(text));
      return final(DcsErrorKind::Rejected, std::move(text));
    case grpc::StatusCode::OUT_OF_RANGE:
      if (says(said, "compacted")) return final(DcsErrorKind::Compacted, std::move(text));
      return final(DcsErrorKind::Rejected, std::move(text));
    case grpc::StatusCode::RESOURCE_EXHAUSTED:
      // "too many requests" passes; a full database does not without an operator.
      if (says(said, "space exceeded"))
        return final(DcsErrorKind::Rejected,
                     text + "; compact and defragment etcd, then disarm its NOSPACE alarm");
      if (says(said, "larger than max")) return final(DcsErrorKind::Rejected, std::move(text));
      return {Verdict::NotSent, DcsErrorKind::Unavailable, std::move(text)};
    case grpc::StatusCode::INVALID_ARGUMENT:
    case grpc::StatusCode::ALREADY_EXISTS:
      return final(DcsErrorKind::Rejected, std::move(text));
    case grpc::StatusCode::UNIMPLEMENTED:
      return {Verdict::NotSent, DcsErrorKind::Unavailable,
              text + "; is this an etcd 3.4 or later?"};
    case grpc::StatusCode::UNAVAILABLE:
      if (says_one_of(said, kNoConnection))
        return {Verdict::NotSent, DcsErrorKind::Unavailable, std::move(text)};
      return {Verdict::Elsewhere, DcsErrorKind::Unavailable, std::move(text)};
    default:
      // Deadline, cancellation, broken stream, "not a primary lessor", changed leader.
      return {Verdict::Elsewhere, DcsErrorKind::Unavailable, std::move(text)};
  }
}

Setback verdict_on_cancelled_watch(std::int64_t compact_revision, const std::string& reason) {
  if (compact_revision != 0 || says(reason, "compacted"))
    return final(DcsErrorKind::Compacted, "the revision to watch from has been compacted");
  if (says_one_of(reason, kTokenIsNoGood))
    return {Verdict::Reauthenticate, DcsErrorKind::Denied, "watch cancelled: " + reason};
  return {Verdict::Elsewhere, DcsErrorKind::Unavailable, "watch cancelled: " + reason};
}

}  // namespace pgherd::etcd
