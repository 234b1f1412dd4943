// NameGuard: two agents with one name would both believe that they hold the lock. At start, if the
// store has a member of our name, its REST API is asked; any HTTP answer means a living twin.
// Authority: Patroni __main__.py ensure_unique_name, release notes 3.0.4, 3.2.1.
#pragma once

#include <functional>
#include <memory>

#include "base/clock.h"
#include "dcs/dcs.h"
#include "dcs/layout.h"
#include "rest/client.h"

namespace pgherd {

class NameGuard {
 public:
  struct Parts {
    Clock& clock;
    Dcs& dcs;
    const Layout& layout;
    std::function<const HttpClient&()> http;  // need not be there before the store has answered
    NodeName self;
  };
  explicit NameGuard(Parts parts) : parts_(std::move(parts)) {}

  // Calls `verdict` once, on the loop: true when a twin lives. A store that does not answer is
  // asked again every second, for ever; `tell` hears of it the first time and then every ten
  // seconds.
  void check(std::function<void(bool has_twin)> verdict,
             std::function<void(const std::string&)> tell);

 private:
  void ask_store();
  void ask_member(const Snapshot& snapshot);

  Parts parts_;
  std::function<void(bool)> verdict_;
  std::function<void(const std::string&)> tell_;
  std::unique_ptr<Alarm> again_;
  int failures_ = 0;
};

}  // namespace pgherd
