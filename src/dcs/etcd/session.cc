#include "dcs/etcd/session.h"

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "dcs/etcd/request.h"
#include "dcs/etcd/translate.h"

namespace pgherd::etcd {

namespace {

namespace pb = etcdserverpb;

constexpr Duration kAuthenticationLimit = 5s;
constexpr Duration kDiscoveryLimit = 2s;
constexpr Duration kDiscoveryPause = 5s;
// A connection takes milliseconds; who is away is looked for as long as it takes.
constexpr Duration kFirstSettling = 50ms;
constexpr Duration kLastSettling = 1s;
constexpr Duration kRenewalPatience = 10s;

}  // namespace

EtcdSession::EtcdSession(const EtcdConfig& config, boost::asio::any_io_executor loop,
                         Clock& its_clock, EtcdHints hints)
    : clock(its_clock), pump(loop), endpoints(config), config_(config), hints_(std::move(hints)) {
  if (!config_.srv.empty()) search_by_srv(loop);
  schedule_discovery(0s);
}

EtcdSession::~EtcdSession() {
  alive_.reset();
  srv_.reset();
  renewal_.reset();
  discovery_.reset();
  waiting_for_token_.clear();
  const auto pending = std::exchange(pending_, {});
  for (const auto& [key, under_way] : pending)
    under_way->abandon();
  for (const auto& call : discovery_calls_)
    call->cancel();
  pump.close();
}

// ---- Calls --------------------------------------------------------------------------------------

// gRPC's deadline is only a backstop (and tells etcd when to stop trying): our own alarms come
// first, by a clock that also counts while the machine sleeps.
void EtcdSession::prepare(grpc::ClientContext& context, const CallTerms& terms) const {
  if (!terms.deadline.is_never()) {
    const auto left = std::max<Duration>(terms.deadline - clock.now(), 1ms);
    const auto deadline =
        gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC), gpr_time_from_nanos(left.count(), GPR_TIMESPAN));
    context.set_deadline(deadline);
  }
  if (terms.needs_token && !token_.empty()) context.AddMetadata("token", token_);
  if (terms.needs_leader) context.AddMetadata("hasleader", "true");
}

std::optional<Setback> EtcdSession::objection_to(Endpoint& endpoint,
                                                 const pb::ResponseHeader& from) {
  const auto header = header_of(from);
  if (header.cluster_id == 0)
    return std::nullopt;  // an answer without a header says nothing of age
  // A member list may lead us astray; the configuration may not.
  if (!endpoint.is_configured && seen.is_another_cluster(header))
    return Setback{Verdict::NotSent, DcsErrorKind::Unavailable,
                   "belongs to another etcd cluster than the configured endpoints"};
  endpoint.member_id = header.member_id;
  if (!seen.note(header))
    return Setback{Verdict::NotSent, DcsErrorKind::Unavailable,
                   "lags behind: its raft term is " + std::to_string(header.raft_term) + ", but " +
                       std::to_string(seen.raft_term()) + " was seen"};
  Endpoints::trust(endpoint);
  return std::nullopt;
}

void EtcdSession::suspect(Endpoint& endpoint, const std::string& why) {
  const bool was_suspect = clock.now() < endpoint.suspect_until;
  endpoints.suspect(endpoint, clock.now());
  if (!was_suspect && hints_.tell) hints_.tell("etcd " + endpoint.name + ": " + why);
  if (srv_ && endpoints.are_all_suspect(clock.now())) srv_->look_again();
  schedule_discovery(kDiscoveryPause);
}

std::string EtcdSession::why_nobody() const {
  return endpoints.all().empty() && srv_ ? srv_->problem() : "";
}

void EtcdSession::prefer(const std::shared_ptr<Endpoint>& endpoint) {
  if (endpoints.prefer(endpoint) && hints_.tell) hints_.tell("using etcd " + endpoint->name);
}

// ---- The token ----------------------------------------------------------------------------------

void EtcdSession::with_token(TokenAnswer then) {
  if (config_.username.empty() || store_wants_no_token_ || !token_.empty()) {
    then(std::nullopt);
    return;
  }
  waiting_for_token_.push_back(std::move(then));
  if (!is_authenticating_) authenticate();
}

// Authentication may be switched on, and off again, while we run: that the store once wanted no
// token is forgotten as soon as it refuses a request that had none.
void EtcdSession::drop_token(const std::string& used) {
  if (token_ != used) return;
  if (store_wants_no_token_ && hints_.tell)
    hints_.tell("etcd demands a login now: logging in as '" + config_.username + "'");
  token_.clear();
  store_wants_no_token_ = false;
}

void EtcdSession::log_in_as(const std::string& username, const std::string& password) {
  if (username == config_.username && password == config_.password) return;
  config_.username = username;
  config_.password = password;
  store_wants_no_token_ = false;
}

void EtcdSession::authenticate() {
  is_authenticating_ = true;
  const auto deadline = clock.now() + kAuthenticationLimit;
  const Question question{.what = "authentication", .writes = false, .needs_token = false};
  Request<std::string>::start(
      *this, question, deadline,
      [this, deadline](Endpoint& endpoint, Request<std::string>::Outcome outcome) {
        pb::AuthenticateRequest request;
        request.set_name(config_.username);
        request.set_password(config_.password);
        return UnaryCall<pb::AuthenticateResponse>::start(
            pump,
            [&](auto& context) {
              prepare(context, {.deadline = deadline, .needs_token = false, .needs_leader = true});
            },
            [&](auto& context, auto& queue) {
              return endpoint.auth->AsyncAuthenticate(&context, request, &queue);
            },
            [outcome = std::move(outcome)](const auto& status, const auto& response) {
              // Then no other request needs a token either.
              if (status.error_message().find("authentication is not enabled") != std::string::npos)
                outcome(std::string());
              else if (!status.ok())
                outcome(fail(verdict_on(status)));
              else
                outcome(response.token());
            });
      },
      [this](Result<std::string, DcsError> token) { authenticated(std::move(token)); });
}

void EtcdSession::authenticated(Result<std::string, DcsError> token) {
  is_authenticating_ = false;
  if (token) {
    token_ = *token;
    store_wants_no_token_ = token_.empty();
  }
  std::optional<DcsError> problem;
  if (!token) problem = std::move(token.error());
  // One of them may be the end of this session; the others have then been abandoned.
  const auto waiting = std::exchange(waiting_for_token_, {});
  for (const auto& then : waiting)
    then(problem);
}

// ---- Certificates -------------------------------------------------------------------------------

void EtcdSession::renew_certificates(const EtcdConfig& config) {
  endpoints.renew_certificates(config);
  settle_renewal(kFirstSettling, 0s);
}

void EtcdSession::settle_renewal(Duration pause, Duration waited) {
  if (endpoints.settle()) {
    renewal_.reset();
    return;
  }
  renewal_ = clock.at(clock.now() + pause, [this, pause, waited] {
    const Duration now_waited = waited + pause;
    if (waited < kRenewalPatience && now_waited >= kRenewalPatience && hints_.tell)
      hints_.tell(
          "etcd is not reached by the new certificate (etcd3.cert, etcd3.cacert): what is "
          "connected goes on by the former one; check that etcd trusts it");
    settle_renewal(std::min<Duration>(pause * 2, kLastSettling), now_waited);
  });
}

// ---- SRV records --------------------------------------------------------------------------------

void EtcdSession::search_by_srv(const boost::asio::any_io_executor& loop) {
  SrvSearch::Terms terms;
  terms.domain = config_.srv;
  terms.suffix = config_.srv_suffix;
  terms.ask = hints_.ask_for_srv;
  terms.use = [this](const SrvMembers& found) { return use(found); };
  terms.tell = hints_.tell;
  srv_ = std::make_unique<SrvSearch>(std::move(terms), loop, clock);
}

std::string EtcdSession::use(const SrvMembers& found) {
  try {
    endpoints.configure(found.endpoints, found.use_tls);
  } catch (const std::runtime_error& error) {
    return std::string("they say TLS; ") + error.what();
  }
  std::string list;
  for (const auto& endpoint : found.endpoints)
    list += (list.empty() ? "" : ", ") + endpoint;
  if (hints_.tell) hints_.tell("the SRV records of " + config_.srv + " name etcd " + list);
  schedule_discovery(0s);
  return "";
}

// ---- The member list ----------------------------------------------------------------------------

void EtcdSession::schedule_discovery(Duration after) {
  if (config_.use_proxies) return;
  const auto earliest =
      discovered_at_ == Instant() ? clock.now() : discovered_at_ + kDiscoveryPause;
  const auto when = std::max(clock.now() + after, earliest);
  if (discovery_ && when >= discovery_at_) return;
  discovery_at_ = when;
  discovery_ = clock.at(when, [this] {
    discovery_at_ = Instant::never();
    with_token([alive = std::weak_ptr<char>(alive_), this](const std::optional<DcsError>&) {
      if (!alive.expired()) discover();
    });
  });
}

// All of them are asked, not only the best: so each endpoint's member is known, and a second way to
// the same member is not taken for a second opinion.
void EtcdSession::discover() {
  discovered_at_ = clock.now();
  for (const auto& call : discovery_calls_)
    call->cancel();
  discovery_calls_.clear();
  const auto deadline = clock.now() + kDiscoveryLimit;
  for (const auto& endpoint : endpoints.all()) {
    discovery_calls_.push_back(UnaryCall<pb::MemberListResponse>::start(
        pump,
        [&](auto& context) {
          prepare(context, {.deadline = deadline, .needs_token = true, .needs_leader = false});
        },
        [&](auto& context, auto& queue) {
          return endpoint->cluster->AsyncMemberList(&context, pb::MemberListRequest(), &queue);
        },
        [this, endpoint](const auto& status, const auto& response) {
          discovered(*endpoint, status, response);
        }));
  }
  discovery_.reset();
  schedule_discovery(std::max<Duration>(hints_.discover_every, 1s));
}

// A list that could not be had is no matter: what is known stays, and the next round comes. Until
// there has been a whole one it comes soon, for where one endpoint is configured nothing else is
// known.
void EtcdSession::discovered(Endpoint& endpoint, const grpc::Status& status,
                             const pb::MemberListResponse& response) {
  if (status.ok() && !objection_to(endpoint, response.header())) learn(response);
  if (!has_member_list_) schedule_discovery(kDiscoveryPause);
}

// A member that has just begun stands in the list without its addresses.
void EtcdSession::learn(const pb::MemberListResponse& response) {
  std::vector<ListedMember> members;
  bool is_whole = true;
  for (const auto& member : response.members()) {
    if (member.islearner()) continue;
    is_whole = is_whole && !member.clienturls().empty();
    members.push_back({.id = member.id(),
                       .client_urls = {member.clienturls().begin(), member.clienturls().end()}});
  }
  if (members.empty()) return;
  has_member_list_ = has_member_list_ || is_whole;
  endpoints.learn(members);
}

}  // namespace pgherd::etcd
