#include "router/session_state.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <sstream>

#include "pgwire/bytes.h"

namespace pgherd::router {
namespace {

using pgwire::append_u32;

// Whatever standard_conforming_strings says.
std::string quoted(std::string_view text) {
  std::string result = "E'";
  for (const char letter : text) {
    if (letter == '\'' || letter == '\\') result += letter;
    result += letter;
  }
  return result + "'";
}

// Of these a byte of a letter may look like a quote or a backslash.
bool is_treacherous(std::string_view encoding) {
  constexpr std::array<std::string_view, 8> kTreacherous{
      "SJIS", "SHIFT_JIS_2004", "BIG5", "GBK", "UHC", "GB18030", "JOHAB", "SHIFTJIS"};
  return std::find(kTreacherous.begin(), kTreacherous.end(), encoding) != kTreacherous.end();
}

std::vector<std::uint32_t> read_types(const std::string& text) {
  std::vector<std::uint32_t> types;
  std::istringstream words(text);
  for (std::uint32_t type = 0; words >> type;)
    types.push_back(type);
  return types;
}

// A PREPARE that came with others in one query would run those again.
bool is_one_statement(std::string_view text) {
  const auto last = text.find_last_not_of("; \t\r\n\f");
  return text.substr(0, last == std::string_view::npos ? 0 : last).find(';') ==
         std::string_view::npos;
}

void take_prepared(const QueryAnswer::Row& row, SessionState& state) {
  PreparedStatement statement{.name = row[1],
                              .text = row[2],
                              .parameter_types = read_types(row[3]),
                              .is_of_sql = row[3].starts_with("sql")};
  if (statement.is_of_sql && !is_one_statement(statement.text)) {
    state.obstacle =
        "its prepared statement " + statement.name + " was made by a query of several statements";
  }
  state.prepared.push_back(std::move(statement));
}

std::string parse_message(const PreparedStatement& statement) {
  std::string body = statement.name + '\0' + statement.text + '\0';
  body += static_cast<char>((statement.parameter_types.size() >> 8U) & 0xFFU);
  body += static_cast<char>(statement.parameter_types.size() & 0xFFU);
  for (const std::uint32_t type : statement.parameter_types)
    append_u32(body, type);
  return write_message('P', body);
}

std::string set_config(const std::string& name, const std::string& value) {
  return "pg_catalog.set_config(" + quoted(name) + ", " + quoted(value) + ", false)";
}

}  // namespace

std::string session_state_query(const std::set<std::string>& names) {
  // Temporary objects, open cursors, locks and LISTEN are bound to the server's process.
  std::string query =
      "select 'setting', name, pg_catalog.current_setting(name), '' from pg_catalog.pg_settings"
      " where source = 'session' and pg_catalog.\"left\"(name, 12) <> 'transaction_'"
      " union all select 'user', session_user::text, pg_catalog.current_setting('role'),"
      " pg_catalog.current_setting('client_encoding')"
      " union all select 'prepared', name, statement,"
      " case when from_sql then 'sql' else"
      " pg_catalog.array_to_string(parameter_types::oid[], ' ') end"
      " from pg_catalog.pg_prepared_statements"
      " union all select 'obstacle', 'it has a cursor WITH HOLD', '', ''"
      " where exists (select from pg_catalog.pg_cursors where is_holdable)"
      " union all select 'obstacle', 'it listens for notifications', '', ''"
      " where exists (select from pg_catalog.pg_listening_channels())"
      " union all select 'obstacle', 'it has an advisory lock', '', ''"
      " where exists (select from pg_catalog.pg_locks where locktype = 'advisory'"
      " and pid = pg_catalog.pg_backend_pid())"
      " union all select 'obstacle', 'it has a temporary table or function', '', ''"
      " where exists (select from pg_catalog.pg_class"
      " where relnamespace = pg_catalog.pg_my_temp_schema())"
      " or exists (select from pg_catalog.pg_proc"
      " where pronamespace = pg_catalog.pg_my_temp_schema())";
  if (names.empty()) return query;
  std::string list;
  for (const std::string& name : names)
    list += (list.empty() ? "" : ", ") + quoted(name);
  return query +
         " union all select 'setting', n, pg_catalog.current_setting(n, true), ''"
         " from pg_catalog.unnest(array[" +
         list +
         "]) n where pg_catalog.current_setting(n, true) is not null"
         " and n not in (select name from pg_catalog.pg_settings)";
}

SessionState read_session_state(const std::vector<QueryAnswer::Row>& rows,
                                const std::string& user) {
  SessionState state;
  for (const QueryAnswer::Row& row : rows) {
    if (row.size() != 4) {
      state.obstacle = "what it has on its server cannot be read";
    } else if (row[0] == "setting") {
      state.settings.emplace_back(row[1], row[2]);
    } else if (row[0] == "prepared") {
      take_prepared(row, state);
    } else if (row[0] == "obstacle") {
      state.obstacle = row[1];
    } else if (row[0] == "user") {
      state.role = row[2];
      if (row[1] != user) state.obstacle = "it has changed its session's user";
      if (is_treacherous(row[3])) state.obstacle = "its client_encoding is " + row[3];
    }
  }
  if (state.role.empty()) state.obstacle = "what it has on its server cannot be read";
  return state;
}

Restoration restoration_of(const SessionState& state) {
  Restoration restoration;
  std::string calls;
  for (const auto& [name, value] : state.settings)
    calls += (calls.empty() ? "select " : ", ") + set_config(name, value);
  // Last, for another role may not be allowed to set the others.
  if (state.role != "none") {
    calls += (calls.empty() ? "select " : ", ") + set_config("role", state.role);
  }
  const auto query = [&](const std::string& text) {
    restoration.messages += write_query(text);
    ++restoration.readies;
  };
  if (!calls.empty()) query(calls);
  for (const PreparedStatement& statement : state.prepared)
    if (statement.is_of_sql) query(statement.text);
  bool has_parsed = false;
  for (const PreparedStatement& statement : state.prepared) {
    if (statement.is_of_sql) continue;
    restoration.messages += parse_message(statement);
    has_parsed = true;
  }
  if (has_parsed) {
    restoration.messages += write_message('S', {});
    ++restoration.readies;
  }
  return restoration;
}

}  // namespace pgherd::router
