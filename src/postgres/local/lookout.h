// Lookout: makes an InstanceView of what is seen: directory, process, one query on a kept
// connection.
//
// Threads: the hands' loop; one look at a time.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <optional>
#include <string>
#include <vector>

#include "model/instance_view.h"
#include "postgres/local/act_context.h"
#include "postgres/local/session.h"

namespace pgherd {

class Lookout {
 public:
  explicit Lookout(ActContext& context);

  // Always comes back, within about 2.5 s.
  [[nodiscard]] boost::asio::awaitable<InstanceView> look();

 private:
  boost::asio::awaitable<std::optional<QueryError>> ask(InstanceView& view, Instant deadline);
  boost::asio::awaitable<void> find_standby_timeline(InstanceView& view, Instant deadline);
  void fall_back(InstanceView& view, const QueryError& error);
  void read_history(InstanceView& view);
  void see_sync_names(InstanceView& view);
  void tell_problem(const QueryError& error);
  boost::asio::awaitable<void> tell_overridden(Instant deadline);
  boost::asio::awaitable<void> tell_certificates(Instant deadline);

  ActContext& context_;
  PgSession session_;
  PgSession replication_;
  ConnInfo session_goes_to_;
  InstanceView last_;
  std::string told_problem_;
  // What the settings that are without effect were last looked for in, and which were told.
  std::string files_read_at_;
  std::string overridden_seen_at_;
  std::string certificates_seen_at_;
  ParameterMap overridden_by_;
  std::vector<std::string> told_overridden_;
  Instant replication_again_at_;
  Timeline history_of_;
  std::vector<HistoryRow> history_;
};

}  // namespace pgherd
