// NameGuard: two agents with one name would both believe that they hold the lock. At start, if the
// store has a member of our name, its REST API is asked; any HTTP answer means a living twin.
// Authority: Patroni __main__.py ensure_unique_name, release notes 3.0.4, 3.2.1.
//
// Two names that PostgreSQL cannot tell apart are no better: members "A" and "a" are one to
// synchronous_standby_names, and "a-b" and "a.b" would stream through one slot. Whoever comes to a
// cluster that has such a member waits for that one to go.
#pragma once

#include <functional>
#include <memory>

#include "base/clock.h"
#include "dcs/dcs.h"
#include "dcs/layout.h"
#include "rest/client.h"

namespace pgherd {

// Why members of these names cannot be in one cluster; "" if they can, or are the same.
[[nodiscard]] std::string why_names_clash(const NodeName& one, const NodeName& other);

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

  // Calls `verdict` once, on the loop: with why no agent may begin here, for a twin lives or the
  // store refuses name and password (Patroni ends by both); "" if one may. A store that does not
  // answer, or has a member whose name clashes with ours, is asked again every second, for ever;
  // `tell` hears of it the first time and then every ten seconds.
  void check(std::function<void(const std::string& objection)> verdict,
             std::function<void(const std::string&)> tell);

 private:
  void ask_store();
  [[nodiscard]] std::string clash_in(const Snapshot& snapshot) const;
  void ask_again(const std::string& why);
  [[nodiscard]] std::string twin() const;
  void ask_member(const Snapshot& snapshot);

  Parts parts_;
  std::function<void(const std::string&)> verdict_;
  std::function<void(const std::string&)> tell_;
  std::unique_ptr<Alarm> again_;
  int rounds_ = 0;
};

}  // namespace pgherd
