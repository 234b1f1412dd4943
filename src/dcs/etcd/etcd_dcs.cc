#include "dcs/etcd/etcd_dcs.h"

#include <algorithm>
#include <utility>

#include "dcs/etcd/keep_alive_call.h"
#include "dcs/etcd/request.h"
#include "dcs/etcd/session.h"
#include "dcs/etcd/translate.h"
#include "dcs/etcd/watching.h"

namespace pgherd {

namespace pb = etcdserverpb;
using etcd::Call;
using etcd::CallTerms;
using etcd::Endpoint;
using etcd::EtcdSession;
using etcd::Request;
using etcd::Setback;
using etcd::UnaryCall;
using etcd::Verdict;

namespace {

// One unary call as an attempt of a request: `begin(endpoint, context, queue)` starts it,
// `read(endpoint, response)` makes the answer of a response.
template <typename T, typename Response, typename Begin, typename Read>
typename Request<T>::Attempt unary(EtcdSession& session, const CallTerms& terms, Begin begin,
                                   Read read) {
  return [&session, terms, begin = std::move(begin), read = std::move(read)](
             Endpoint& endpoint, typename Request<T>::Outcome outcome) {
    return UnaryCall<Response>::start(
        session.pump, [&](auto& context) { session.prepare(context, terms); },
        [&](auto& context, auto& queue) { return begin(endpoint, context, queue); },
        [&endpoint, read, outcome = std::move(outcome)](const grpc::Status& status,
                                                        const Response& response) {
          if (!status.ok())
            outcome(fail(etcd::verdict_on(status)));
          else
            outcome(read(endpoint, response));
        });
  };
}

}  // namespace

EtcdDcs::EtcdDcs(const EtcdConfig& config, boost::asio::any_io_executor loop, Clock& clock,
                 EtcdHints hints)
    : session_(std::make_unique<EtcdSession>(config, std::move(loop), clock, std::move(hints))) {}

EtcdDcs::~EtcdDcs() = default;

void EtcdDcs::log_in_as(const std::string& username, const std::string& password) {
  session_->log_in_as(username, password);
}

void EtcdDcs::renew_certificates(const EtcdConfig& config) {
  session_->renew_certificates(config);
}

namespace {

struct ReadState {
  Revision floor;        // what was seen when the question was asked
  bool is_linearizable;  // also after a serializable answer that was too old
};

Result<Snapshot, Setback> snapshot_of(EtcdSession& session, Endpoint& endpoint, ReadState& state,
                                      bool was_linearizable, const pb::RangeResponse& response) {
  const Revision revision{response.header().revision()};
  const bool is_other_cluster = session.seen.is_another_cluster(etcd::header_of(response.header()));
  if (auto objection = session.objection_to(endpoint, response.header()))
    return fail(std::move(*objection));
  if (is_other_cluster) state.floor = {};
  if (revision < state.floor) {
    if (!was_linearizable) {
      state.is_linearizable = true;
      return fail(Setback{Verdict::NotSent, DcsErrorKind::Unavailable,
                          "lags behind: its revision is " + std::to_string(revision.value) +
                              ", but " + std::to_string(state.floor.value) + " was seen"});
    }
    session.seen.rewind_to(revision);  // the store was restored from a backup
  }
  Snapshot snapshot{.entries = {}, .revision = revision};
  snapshot.entries.reserve(static_cast<std::size_t>(response.kvs_size()));
  for (const auto& entry : response.kvs())
    snapshot.entries.push_back(etcd::entry_of(entry));
  return snapshot;
}

}  // namespace

void EtcdDcs::read(const std::string& prefix, ReadMode mode, Instant deadline,
                   DcsAnswer<Snapshot> answer) {
  auto& session = *session_;
  auto state = std::make_shared<ReadState>(ReadState{
      .floor = session.seen.revision(), .is_linearizable = mode == ReadMode::Linearizable});
  auto attempt = [&session, state, prefix, deadline](Endpoint& endpoint,
                                                     Request<Snapshot>::Outcome outcome) {
    const bool is_linearizable = state->is_linearizable;
    pb::RangeRequest request;
    request.set_key(prefix);
    request.set_range_end(etcd::end_of(prefix));
    request.set_serializable(!is_linearizable);
    const CallTerms terms{
        .deadline = deadline, .needs_token = true, .needs_leader = is_linearizable};
    return unary<Snapshot, pb::RangeResponse>(
        session, terms,
        [request](Endpoint& at, auto& context, auto& queue) {
          return at.kv->AsyncRange(&context, request, &queue);
        },
        [&session, state, is_linearizable](Endpoint& at, const pb::RangeResponse& response) {
          return snapshot_of(session, at, *state, is_linearizable, response);
        })(endpoint, std::move(outcome));
  };
  Request<Snapshot>::start(session, {.what = "read of " + prefix}, deadline, std::move(attempt),
                           std::move(answer));
}

void EtcdDcs::commit(Transaction transaction, Instant deadline, DcsAnswer<Committed> answer) {
  auto& session = *session_;
  const bool writes = etcd::writes_something(transaction);
  auto attempt = unary<Committed, pb::TxnResponse>(
      session, {.deadline = deadline},
      [request = etcd::request_of(transaction)](Endpoint& at, auto& context, auto& queue) {
        return at.kv->AsyncTxn(&context, request, &queue);
      },
      [&session, writes](Endpoint& at,
                         const pb::TxnResponse& response) -> Result<Committed, Setback> {
        // What was written was written, whoever tells; only an opinion can be out of date.
        auto objection = session.objection_to(at, response.header());
        if (objection && !writes) return fail(std::move(*objection));
        return Committed{.succeeded = response.succeeded(),
                         .revision = Revision{response.header().revision()}};
      });
  Request<Committed>::start(session, {.what = "commit", .writes = writes}, deadline,
                            std::move(attempt), std::move(answer));
}

void EtcdDcs::grant(Milliseconds ttl, Instant deadline, DcsAnswer<Lease> answer) {
  auto& session = *session_;
  pb::LeaseGrantRequest request;
  request.set_ttl(std::chrono::ceil<Seconds>(ttl).count());
  auto attempt = unary<Lease, pb::LeaseGrantResponse>(
      session, {.deadline = deadline},
      [request](Endpoint& at, auto& context, auto& queue) {
        return at.lease->AsyncLeaseGrant(&context, request, &queue);
      },
      [&session](Endpoint& at, const pb::LeaseGrantResponse& response) -> Result<Lease, Setback> {
        session.note(at, response.header());
        if (!response.error().empty())
          return fail(Setback{Verdict::Final, DcsErrorKind::Rejected, response.error()});
        return Lease{.id = LeaseId{response.id()}, .ttl = Seconds(response.ttl())};
      });
  Request<Lease>::start(session, {.what = "lease grant", .writes = true}, deadline,
                        std::move(attempt), std::move(answer));
}

namespace {

Result<Dcs::Lease, Setback> lease_of(EtcdSession& session, Endpoint& endpoint, LeaseId lease,
                                     const grpc::Status& status,
                                     const pb::LeaseKeepAliveResponse& response) {
  if (!status.ok()) return fail(etcd::verdict_on(status));
  if (auto objection = session.objection_to(endpoint, response.header()))
    return fail(std::move(*objection));
  if (response.ttl() <= 0)
    return fail(Setback{Verdict::Final, DcsErrorKind::LeaseUnknown,
                        "lease " + std::to_string(lease.value) + " has expired or was revoked"});
  return Dcs::Lease{.id = lease, .ttl = Seconds(response.ttl())};
}

}  // namespace

void EtcdDcs::keep_alive(LeaseId lease, Instant deadline, DcsAnswer<Lease> answer) {
  auto& session = *session_;
  auto attempt = [&session, lease, deadline](
                     Endpoint& endpoint, Request<Lease>::Outcome outcome) -> std::shared_ptr<Call> {
    auto call = std::make_shared<etcd::KeepAliveCall>(
        session.pump, lease.value,
        [&session, &endpoint, lease, outcome = std::move(outcome)](const auto& status,
                                                                   const auto& response) {
          outcome(lease_of(session, endpoint, lease, status, response));
        });
    session.prepare(call->context, {.deadline = deadline});
    call->start(*endpoint.lease);
    return call;
  };
  Request<Lease>::start(session, {.what = "lease keep-alive"}, deadline, std::move(attempt),
                        std::move(answer));
}

void EtcdDcs::revoke(LeaseId lease, Instant deadline, DcsAnswer<Committed> answer) {
  auto& session = *session_;
  pb::LeaseRevokeRequest request;
  request.set_id(lease.value);
  auto attempt = unary<Committed, pb::LeaseRevokeResponse>(
      session, {.deadline = deadline},
      [request](Endpoint& at, auto& context, auto& queue) {
        return at.lease->AsyncLeaseRevoke(&context, request, &queue);
      },
      [&session](Endpoint& at,
                 const pb::LeaseRevokeResponse& response) -> Result<Committed, Setback> {
        session.note(at, response.header());
        return Committed{.succeeded = true, .revision = Revision{response.header().revision()}};
      });
  Request<Committed>::start(session, {.what = "lease revoke", .writes = true}, deadline,
                            std::move(attempt), std::move(answer));
}

std::unique_ptr<Watch> EtcdDcs::watch(const std::string& prefix, Revision from,
                                      Milliseconds sign_of_life, WatchHandler handler) {
  return etcd::Watching::start(*session_, prefix, from, sign_of_life, std::move(handler));
}

}  // namespace pgherd
