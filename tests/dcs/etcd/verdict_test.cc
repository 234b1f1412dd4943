#include "dcs/etcd/verdict.h"

#include <grpcpp/support/status.h>
#include <gtest/gtest.h>

namespace pgherd::etcd {
namespace {

using Code = grpc::StatusCode;

struct Case {
  Code code;
  const char* said;
  Verdict verdict;
  DcsErrorKind kind;
};

class VerdictOn : public testing::TestWithParam<Case> {};

TEST_P(VerdictOn, AnError) {
  const auto setback = verdict_on(grpc::Status(GetParam().code, GetParam().said));
  EXPECT_EQ(static_cast<int>(setback.verdict), static_cast<int>(GetParam().verdict))
      << GetParam().said;
  EXPECT_EQ(static_cast<int>(setback.kind), static_cast<int>(GetParam().kind)) << GetParam().said;
  EXPECT_NE(setback.text.find(GetParam().said), std::string::npos);
}

INSTANTIATE_TEST_SUITE_P(
    Etcd, VerdictOn,
    testing::Values(
        Case{Code::NOT_FOUND, "etcdserver: requested lease not found", Verdict::Final,
             DcsErrorKind::LeaseUnknown},
        // As a grpc-proxy passes it on.
        Case{Code::UNKNOWN, "etcdserver: requested lease not found", Verdict::Final,
             DcsErrorKind::LeaseUnknown},
        Case{Code::UNKNOWN, "etcdserver: duplicate key given in txn request", Verdict::Final,
             DcsErrorKind::Rejected},
        Case{Code::UNKNOWN, "etcdserver: mvcc: database space exceeded", Verdict::Final,
             DcsErrorKind::Rejected},
        Case{Code::UNKNOWN, "etcdserver: something new", Verdict::Elsewhere,
             DcsErrorKind::Unavailable},
        Case{Code::UNKNOWN, "requested lease not found", Verdict::Elsewhere,
             DcsErrorKind::Unavailable},
        Case{Code::OUT_OF_RANGE, "etcdserver: mvcc: required revision has been compacted",
             Verdict::Final, DcsErrorKind::Compacted},
        Case{Code::OUT_OF_RANGE, "etcdserver: mvcc: required revision is a future revision",
             Verdict::Final, DcsErrorKind::Rejected},
        Case{Code::INVALID_ARGUMENT, "etcdserver: duplicate key given in txn request",
             Verdict::Final, DcsErrorKind::Rejected},
        Case{Code::RESOURCE_EXHAUSTED, "etcdserver: mvcc: database space exceeded", Verdict::Final,
             DcsErrorKind::Rejected},
        Case{Code::RESOURCE_EXHAUSTED, "etcdserver: too many requests", Verdict::NotSent,
             DcsErrorKind::Unavailable},
        Case{Code::UNAUTHENTICATED, "etcdserver: invalid auth token", Verdict::Reauthenticate,
             DcsErrorKind::Denied},
        Case{Code::INVALID_ARGUMENT, "etcdserver: user name is empty", Verdict::Reauthenticate,
             DcsErrorKind::Denied},
        Case{Code::INVALID_ARGUMENT, "etcdserver: revision of auth store is old",
             Verdict::Reauthenticate, DcsErrorKind::Denied},
        Case{Code::PERMISSION_DENIED, "etcdserver: permission denied", Verdict::Reauthenticate,
             DcsErrorKind::Denied},
        Case{Code::INVALID_ARGUMENT,
             "etcdserver: authentication failed, invalid user ID or password", Verdict::Final,
             DcsErrorKind::WrongLogin},
        Case{Code::UNAVAILABLE, "etcdserver: no leader", Verdict::Elsewhere,
             DcsErrorKind::Unavailable},
        Case{Code::UNAVAILABLE, "etcdserver: request timed out, possibly due to connection lost",
             Verdict::Elsewhere, DcsErrorKind::Unavailable},
        Case{Code::UNKNOWN, "not a primary lessor", Verdict::Elsewhere, DcsErrorKind::Unavailable},
        Case{Code::FAILED_PRECONDITION, "etcdserver: not leader", Verdict::Elsewhere,
             DcsErrorKind::Unavailable},
        Case{Code::DEADLINE_EXCEEDED, "Deadline Exceeded", Verdict::Elsewhere,
             DcsErrorKind::Unavailable},
        Case{Code::UNAVAILABLE, "Socket closed", Verdict::Elsewhere, DcsErrorKind::Unavailable},
        Case{Code::UNAVAILABLE, "failed to connect to all addresses; last error: UNKNOWN",
             Verdict::NotSent, DcsErrorKind::Unavailable}));

TEST(VerdictOnACancelledWatch, IsCompactedOnlyWhenItsPastIsGone) {
  EXPECT_EQ(verdict_on_cancelled_watch(7, "").kind, DcsErrorKind::Compacted);
  EXPECT_EQ(
      verdict_on_cancelled_watch(0, "etcdserver: mvcc: required revision has been compacted").kind,
      DcsErrorKind::Compacted);
  EXPECT_EQ(verdict_on_cancelled_watch(0, "etcdserver: permission denied").verdict,
            Verdict::Reauthenticate);
  EXPECT_EQ(verdict_on_cancelled_watch(0, "etcdserver: no leader").verdict, Verdict::Elsewhere);
}

}  // namespace
}  // namespace pgherd::etcd
