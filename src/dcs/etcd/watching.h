// Watching: one watch, over as many streams as it takes. A stream that breaks or falls silent is
// replaced by one to another endpoint, from the next revision on; the watcher does not notice,
// unless nothing is heard from any endpoint for three signs of life.
//
// Threads: the owner's loop. The session holds it until it is over.
#pragma once

#include <memory>
#include <string>

#include "dcs/etcd/session.h"

namespace pgherd::etcd {

class Watching final : public Pending, public std::enable_shared_from_this<Watching> {
 public:
  [[nodiscard]] static std::unique_ptr<Watch> start(EtcdSession& session, std::string prefix,
                                                    Revision from, Milliseconds sign_of_life,
                                                    WatchHandler handler);

  Watching(EtcdSession& session, std::string prefix, Revision from, Milliseconds sign_of_life,
           WatchHandler handler);
  void abandon() override;

 private:
  class Stream;
  class Handle;
  friend class Stream;

  void open();
  void open_with_token();
  void reopen_soon();
  void tick();
  void arm_tick();
  [[nodiscard]] std::shared_ptr<Endpoint> choose_endpoint() const;

  void heard(const etcdserverpb::WatchResponse& response);
  void take_creation(const etcdserverpb::WatchResponse& response);
  void take_events(const etcdserverpb::WatchResponse& response);
  void take_progress(const etcdserverpb::WatchResponse& response);
  void broke(const Setback& setback);

  void tell(WatchBatch batch);
  void end(DcsError error);

  EtcdSession& session_;
  const std::string prefix_;
  const Duration sign_of_life_;
  WatchHandler handler_;
  Revision delivered_;  // everything up to here was told; zero when the watch begins at the present
  std::vector<WatchEvent> fragments_;
  std::shared_ptr<Endpoint> endpoint_;
  std::shared_ptr<Stream> stream_;
  Instant heard_at_;           // from any stream
  Instant opened_at_;          // the present one
  Revision known_when_asked_;  // a member that has less lags behind
  std::string problem_;
  std::string token_;
  int reauthentications_ = 0;
  Duration pause_ = 100ms;
  std::unique_ptr<Alarm> tick_;
  std::unique_ptr<Alarm> reopen_;
  bool is_over_ = false;
};

}  // namespace pgherd::etcd
