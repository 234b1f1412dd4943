// SrvSearch: keeps the endpoints of a session as the SRV records of a domain say. It looks until it
// finds some, and once more when told that nobody there answers: they may all have moved.
//
// Threads: everything on the given loop; each question to the name server has a thread of its own,
// which is left behind if it still waits when this is destroyed.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <functional>
#include <memory>
#include <string>

#include "base/clock.h"
#include "dcs/etcd/srv_records.h"

namespace pgherd::etcd {

class SrvSearch {
 public:
  struct Terms {
    std::string domain;
    std::string suffix;
    AskForSrv ask;  // blocks; called off the loop
    // Other members than before. Says why they cannot be used, "" when they can.
    std::function<std::string(const SrvMembers&)> use;
    std::function<void(const std::string&)> tell;  // a problem that was not told before
  };

  // The first look begins at once; nothing is called from inside.
  SrvSearch(Terms terms, boost::asio::any_io_executor loop, Clock& clock);
  ~SrvSearch();
  SrvSearch(const SrvSearch&) = delete;
  SrvSearch& operator=(const SrvSearch&) = delete;

  // Unless it looks already, or has a moment ago.
  void look_again();
  // Why nothing was found at the last look, or that it is under way; "" when something was.
  [[nodiscard]] const std::string& problem() const { return problem_; }

 private:
  struct Gate;
  void look();
  void looked(const Result<SrvMembers, std::string>& found);
  [[nodiscard]] std::string problem_with(const Result<SrvMembers, std::string>& found);

  Terms terms_;
  boost::asio::any_io_executor loop_;
  Clock& clock_;
  std::shared_ptr<Gate> gate_;
  std::unique_ptr<Alarm> next_;
  Instant last_look_;
  Duration pause_ = 1s;
  bool is_looking_ = false;
  SrvMembers in_use_;
  std::string problem_;
  std::string told_;
};

}  // namespace pgherd::etcd
