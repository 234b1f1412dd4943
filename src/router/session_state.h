// SessionState: what a session has on its server beside its data, as the server itself tells it
// between two transactions; and how to make the same on another server. What is not on this list a
// session has not, but for: what a function has set of settings that no extension defines, the
// values of currval() and lastval(), the seed of random(), and what extensions keep for themselves.
#pragma once

#include <set>
#include <string>
#include <utility>
#include <vector>

#include "pgwire/setting_names.h"
#include "router/server_talk.h"

namespace pgherd::router {

struct PreparedStatement {
  std::string name;
  std::string text;
  std::vector<std::uint32_t> parameter_types;  // OIDs, the same on all servers of a cluster
  bool is_of_sql = false;                      // `text` is a PREPARE
  friend bool operator==(const PreparedStatement&, const PreparedStatement&) = default;
};

struct SessionState {
  std::vector<std::pair<std::string, std::string>> settings;
  std::string role;  // "none": that of the login
  std::vector<PreparedStatement> prepared;
  // Why it cannot be made on another server; "": it can.
  std::string obstacle;
  friend bool operator==(const SessionState&, const SessionState&) = default;
};

// The query whose rows read_session_state takes. `names`: of settings to be asked for by name.
[[nodiscard]] std::string session_state_query(const std::set<std::string>& names);
// `user`: with which the session logged in.
[[nodiscard]] SessionState read_session_state(const std::vector<QueryAnswer::Row>& rows,
                                              const std::string& user);

// What makes the same on a new session.
struct Restoration {
  std::string messages;  // as they are sent; "": there is nothing to restore
  int readies = 0;       // that answer them
};
// Precondition: there is no obstacle.
[[nodiscard]] Restoration restoration_of(const SessionState& state);

}  // namespace pgherd::router
