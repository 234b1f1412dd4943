// EtcdSession: what all requests and watches of one EtcdDcs share: the endpoints, the token, the
// memory of how far the store was seen, and the list of what is under way.
//
// Threads: the owner's loop.
#pragma once

#include <grpcpp/client_context.h>

#include <boost/asio/any_io_executor.hpp>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "dcs/dcs.h"
#include "dcs/etcd/calls.h"
#include "dcs/etcd/endpoints.h"
#include "dcs/etcd/etcd_dcs.h"
#include "dcs/etcd/pump.h"
#include "dcs/etcd/seen.h"
#include "dcs/etcd/srv_search.h"
#include "dcs/etcd/verdict.h"

namespace pgherd::etcd {

// Something under way that must fall silent when the session ends.
class Pending {
 public:
  virtual ~Pending() = default;
  // Gives up its calls and alarms; calls nobody back, now or later.
  virtual void abandon() = 0;
};

struct CallTerms {
  Instant deadline;
  bool needs_token = true;
  // A member without a leader refuses at once, instead of answering from what it happens to know.
  bool needs_leader = true;
};

class EtcdSession {
 public:
  EtcdSession(const EtcdConfig& config, boost::asio::any_io_executor loop, Clock& its_clock,
              EtcdHints hints);
  ~EtcdSession();
  EtcdSession(const EtcdSession&) = delete;
  EtcdSession& operator=(const EtcdSession&) = delete;

  void prepare(grpc::ClientContext& context, const CallTerms& terms) const;

  // Takes note of an answer. A setback if it comes from a member that is behind what was seen.
  [[nodiscard]] std::optional<Setback> objection_to(Endpoint& endpoint,
                                                    const etcdserverpb::ResponseHeader& from);
  // Of a write that was applied: true whatever the member's term.
  void note(Endpoint& endpoint, const etcdserverpb::ResponseHeader& header) {
    (void)objection_to(endpoint, header);
  }

  void suspect(Endpoint& endpoint, const std::string& why);
  // Why there is no endpoint; "" when there is one.
  [[nodiscard]] std::string why_nobody() const;
  void prefer(const std::shared_ptr<Endpoint>& endpoint);

  // Calls `then` with nothing when there is a token, or none is needed; at once or later.
  using TokenAnswer = std::function<void(const std::optional<DcsError>&)>;
  void with_token(TokenAnswer then);
  [[nodiscard]] const std::string& token() const { return token_; }
  // `used` was refused; empty: the request had none. A newer one, got meanwhile, stays.
  void drop_token(const std::string& used);
  // Without a name nobody can log in, whatever the store demands.
  [[nodiscard]] bool can_log_in() const { return !config_.username.empty(); }
  // Used from the next login on; the present token stays as long as the store takes it.
  void log_in_as(const std::string& username, const std::string& password);

  // Those of the configuration as it is now, also where only the files have changed. Connections
  // that work are kept until there are others. Throws std::runtime_error when a file cannot be
  // read.
  void renew_certificates(const EtcdConfig& config);

  void hold(const std::shared_ptr<Pending>& pending) { pending_[pending.get()] = pending; }
  void release(const Pending* pending) { pending_.erase(pending); }

  Clock& clock;
  Pump pump;
  Endpoints endpoints;
  Seen seen;

 private:
  void authenticate();
  void authenticated(Result<std::string, DcsError> token);
  void search_by_srv(const boost::asio::any_io_executor& loop);
  [[nodiscard]] std::string use(const SrvMembers& found);
  void schedule_discovery(Duration after);
  void discover();
  void discovered(Endpoint& endpoint, const grpc::Status& status,
                  const etcdserverpb::MemberListResponse& response);
  void learn(const etcdserverpb::MemberListResponse& response);

  EtcdConfig config_;
  EtcdHints hints_;
  std::shared_ptr<char> alive_ = std::make_shared<char>();

  std::string token_;
  bool store_wants_no_token_ = false;
  bool is_authenticating_ = false;
  std::vector<TokenAnswer> waiting_for_token_;

  void settle_renewal(Duration pause, Duration waited);

  std::unique_ptr<Alarm> renewal_;

  std::unique_ptr<SrvSearch> srv_;  // null: the configuration names the endpoints

  std::unique_ptr<Alarm> discovery_;
  Instant discovery_at_ = Instant::never();
  bool has_member_list_ = false;
  Instant discovered_at_;
  std::vector<std::shared_ptr<Call>> discovery_calls_;

  std::map<const Pending*, std::shared_ptr<Pending>> pending_;
};

}  // namespace pgherd::etcd
