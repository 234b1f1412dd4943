// StoreSession: keeps a picture of the cluster current. Reads the prefix, watches it from there,
// and begins again when the watch breaks. Lives on the owner's loop.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "base/clock.h"
#include "dcs/dcs.h"
#include "dcs/layout.h"
#include "model/cluster_view.h"

namespace pgherd {

class StoreSession {
 public:
  struct Listener {
    std::function<void(const Shared<ClusterView>&)> pictured;  // something changed
    std::function<void()> alive;                      // nothing changed, and the picture is current
    std::function<void(std::string problem)> silent;  // the picture may be old from here on
  };

  StoreSession(Clock& clock, Dcs& dcs, const Layout& layout, Listener listener);

  void start();
  // Nothing is told any more. May be called from inside the listener, where destroying is not
  // allowed.
  void stop();
  // The store has answered a request that was sent at `sent`. Whoever has no picture because an
  // earlier reading is lost, or because the store did not answer, reads at once.
  void answered(Instant sent);
  // How often the store must give a sign of life; counts from the next watch on.
  void set_sign_of_life(Milliseconds every) { sign_of_life_ = every; }

 private:
  void read();
  void read_anew();
  void take(const Snapshot& snapshot);
  void watch();
  void take(WatchBatch batch);
  void lost(const DcsError& error);

  Clock& clock_;
  Dcs& dcs_;
  const Layout& layout_;
  Listener listener_;
  std::map<std::string, KeyValue> entries_;
  Revision revision_;
  Shared<ClusterView> view_;
  std::unique_ptr<Watch> watch_;
  std::unique_ptr<Alarm> again_;  // while it pauses before it reads anew
  bool is_denied_ = false;
  std::optional<Instant> reads_since_;
  std::uint64_t reading_ = 0;  // the answers to earlier ones do not count
  Milliseconds sign_of_life_{1000};
  Milliseconds pause_{0};
  std::shared_ptr<char> alive_ = std::make_shared<char>();
};

}  // namespace pgherd
