// StoreSession: keeps a picture of the cluster current. Reads the prefix, watches it from there,
// and begins again when the watch breaks. Lives on the owner's loop.
#pragma once

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
  // How often the store must give a sign of life; counts from the next watch on.
  void set_sign_of_life(Milliseconds every) { sign_of_life_ = every; }

 private:
  void read();
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
  std::unique_ptr<Alarm> again_;
  Milliseconds sign_of_life_{1000};
  Milliseconds pause_{0};
  std::shared_ptr<char> alive_ = std::make_shared<char>();
};

}  // namespace pgherd
