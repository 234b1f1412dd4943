// EtcdDcs: the store of dcs.h in a real etcd (3.4 or later) over gRPC.
//
// One connection for each endpoint, kept open, so that another is at hand when one falls silent:
//   - reads, keep-alives and transactions that only compare are put to the next endpoint as well
//   when
//     the first does not answer within a part of the deadline; the first good answer wins.
//   - transactions that write are too, later; a refusal counts only if no other attempt may have
//   been
//     applied, else the answer is Unavailable (= unknown), as the door demands.
//   - a watch moves to another endpoint by itself and goes on where it was; it ends when nothing
//   was
//     heard from any for three signs of life.
// Answers of a member that lags behind what was seen before are not believed.
//
// Threads: one of its own waits for gRPC; every answer is posted to `loop`, whose one thread calls
// all functions and destroys it. Destruction ends everything under way at once.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <functional>
#include <memory>
#include <string>

#include "base/clock.h"
#include "dcs/dcs.h"
#include "dcs/etcd/srv_records.h"
#include "model/agent_config.h"

namespace pgherd {

namespace etcd {
class EtcdSession;
}  // namespace etcd

struct EtcdHints {
  // How often the member list is read again (never with `use_proxies`).
  Milliseconds discover_every = 60s;
  // A line for the log: another endpoint is used, an endpoint fails. May be empty.
  std::function<void(const std::string&)> tell;
  // Looks SRV records up; blocks, in a thread of its own.
  etcd::AskForSrv ask_for_srv = [](const std::string& name) {
    return etcd::ask_name_servers(name);
  };
};

class EtcdDcs final : public Dcs {
 public:
  // Throws std::runtime_error when the configuration cannot work (no endpoint, unreadable
  // certificate). That no endpoint answers is no reason to throw: it begins to connect and goes on
  // trying. `loop` and `clock` must outlive it.
  EtcdDcs(const EtcdConfig& config, boost::asio::any_io_executor loop, Clock& clock,
          EtcdHints hints = {});
  ~EtcdDcs() override;
  EtcdDcs(const EtcdDcs&) = delete;
  EtcdDcs& operator=(const EtcdDcs&) = delete;

  // Another name or password (the configuration was reloaded): counts from the next login on.
  void log_in_as(const std::string& username, const std::string& password);

  // Certificates and key of the reloaded configuration, also where only the files have changed.
  // What is under way, and connections that work, are kept until others stand. Throws
  // std::runtime_error when a file cannot be read, and changes nothing then.
  void renew_certificates(const EtcdConfig& config);

  void read(const std::string& prefix, ReadMode mode, Instant deadline,
            DcsAnswer<Snapshot> answer) override;
  void commit(Transaction transaction, Instant deadline, DcsAnswer<Committed> answer) override;
  void grant(Milliseconds ttl, Instant deadline, DcsAnswer<Lease> answer) override;
  void keep_alive(LeaseId lease, Instant deadline, DcsAnswer<Lease> answer) override;
  void revoke(LeaseId lease, Instant deadline, DcsAnswer<Committed> answer) override;
  [[nodiscard]] std::unique_ptr<Watch> watch(const std::string& prefix, Revision from,
                                             Milliseconds sign_of_life,
                                             WatchHandler handler) override;

 private:
  std::unique_ptr<etcd::EtcdSession> session_;
};

}  // namespace pgherd
