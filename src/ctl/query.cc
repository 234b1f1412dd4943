#include <fmt/format.h>
#include <libpq-fe.h>

#include <algorithm>
#include <memory>

#include "codec/conninfo.h"
#include "ctl/commands.h"
#include "ctl/errors.h"
#include "ctl/helpers.h"
#include "ctl/python_text.h"
#include "ctl/time_text.h"

namespace pgherd::ctl {
namespace {

struct Finish {
  void operator()(PGconn* connection) const { PQfinish(connection); }
};
struct Clear {
  void operator()(PGresult* result) const { PQclear(result); }
};
using Connection = std::unique_ptr<PGconn, Finish>;
using Answer = std::unique_ptr<PGresult, Clear>;

Cell cell_of(const PGresult* result, int row, int column) {
  if (PQgetisnull(result, row, column) != 0) return python_none();
  return python_cell(PQftype(result, column), PQgetvalue(result, row, column));
}

Table table_of(const PGresult* result) {
  Table table;
  for (int column = 0; column < PQnfields(result); ++column) {
    table.columns.push_back({PQfname(result, column)});
  }
  for (int row = 0; row < PQntuples(result); ++row) {
    auto& cells = table.rows.emplace_back();
    for (int column = 0; column < PQnfields(result); ++column) {
      cells.push_back(cell_of(result, row, column));
    }
  }
  return table;
}

// A failure as patronictl shows it: without names of columns where rows are for programs, and with
// those that a table cannot be without. Its JSON says nothing at all ("[{}]"); here it does.
Table failure_table(Format format, std::string time, std::string text) {
  const bool is_for_people = format == Format::Pretty;
  Table table{.columns = {{is_for_people ? "Field 1" : "timestamp"},
                          {is_for_people ? "Field 2" : "error"}}};
  table.rows.push_back({text_cell(std::move(time)), text_cell(std::move(text))});
  return table;
}

std::string in_one_line(std::string text) {
  std::replace(text.begin(), text.end(), '\n', ' ');
  return text;
}

// python_cell() reads dates and intervals in these styles.
bool speaks_iso(PGconn* connection) {
  const Answer answer(PQexec(connection, "SET datestyle = 'ISO'; SET intervalstyle = 'postgres'"));
  return PQresultStatus(answer.get()) == PGRES_COMMAND_OK;
}

// What the roles promise about pg_is_in_recovery(); nothing for the others.
std::optional<bool> promised_recovery(const std::optional<RoleFilter>& role) {
  if (!role || *role == RoleFilter::Any || *role == RoleFilter::Leader) return std::nullopt;
  return *role != RoleFilter::Primary;
}

bool keeps_promise(PGconn* connection, const std::optional<bool>& in_recovery) {
  if (!in_recovery) return true;
  const Answer answer(PQexec(connection, "SELECT pg_catalog.pg_is_in_recovery()"));
  if (PQresultStatus(answer.get()) != PGRES_TUPLES_OK) return false;
  return (std::string_view(PQgetvalue(answer.get(), 0, 0)) == "t") == *in_recovery;
}

std::string absence(const QueryOptions& options) {
  if (options.member.member) {
    return fmt::format("No connection to member {} is available", *options.member.member);
  }
  if (options.member.role) {
    return fmt::format("No connection to role {} is available", to_string(*options.member.role));
  }
  return "No connection is available";
}

class Querying {
 public:
  Querying(CtlContext& context, const QueryOptions& options, const std::optional<HostPort>& address,
           std::string sql, std::string password)
      : context_(context), options_(options), sql_(std::move(sql)) {
    if (!address) return;
    ConnInfo conninfo{{"host", address->host}, {"port", address->port}};
    conninfo.set_if_any("user", options.username.value_or(""));
    conninfo.set_if_any("password", password);
    conninfo.set_if_any("dbname", options.database.value_or(""));
    conninfo.set("client_encoding", "UTF8");
    conninfo.set("connect_timeout", "5");
    conninfo.set("fallback_application_name", "Patroni ctl");
    conninfo_ = conninfo.to_string();
  }

  // True when the statement was executed.
  bool once() {
    if (conninfo_.empty()) return failed(absence(options_));
    const Connection connection(PQconnectdb(conninfo_.c_str()));
    if (PQstatus(connection.get()) != CONNECTION_OK) {
      return failed(
          fmt::format("ERROR, SQLSTATE: {}", in_one_line(PQerrorMessage(connection.get()))));
    }
    if (!speaks_iso(connection.get()) ||
        !keeps_promise(connection.get(), promised_recovery(options_.member.role))) {
      return failed(absence(options_));
    }
    return show(Answer(PQexec(connection.get(), sql_.c_str())));
  }

 private:
  bool failed(const std::string& text) {
    const std::string time = stamp_seconds(context_.store.wall_now());
    if (options_.format == Format::Tsv) {
      context_.console.say(fmt::format("{}{}{}", time, options_.delimiter, text));
    } else {
      context_.console.print(render(failure_table(options_.format, time, text), options_.format));
    }
    return false;
  }

  bool show(const Answer& answer) {
    const ExecStatusType status = PQresultStatus(answer.get());
    if (status == PGRES_TUPLES_OK) {
      const Table table = table_of(answer.get());
      context_.console.print(options_.format == Format::Tsv ? render_tsv(table, options_.delimiter)
                                                            : render(table, options_.format));
      return true;
    }
    if (status == PGRES_COMMAND_OK) {
      context_.console.say(PQcmdStatus(answer.get()));
      return true;
    }
    const char* code = PQresultErrorField(answer.get(), PG_DIAG_SQLSTATE);
    const char* message = PQresultErrorMessage(answer.get());
    if (*message != '\0') context_.console.complain(message);
    return failed(
        fmt::format("ERROR, SQLSTATE: {}", code != nullptr ? code : in_one_line(message)));
  }

  CtlContext& context_;
  const QueryOptions& options_;
  std::string sql_;
  std::string conninfo_;
};

}  // namespace

int query(CtlContext& context, const QueryOptions& options) {
  if (options.file && options.command) {
    throw CtlError("--file and --command are mutually exclusive options");
  }
  if (!options.file && !options.command) {
    throw CtlError("You need to specify either --command or --file");
  }
  const std::string password =
      options.asks_password ? context.console.ask_secret("Password") : std::string();
  std::string sql = options.command.value_or("");
  if (options.file)
    sql = *options.file == "-" ? context.console.read_all() : file_text(*options.file);
  const Cluster cluster = read_cluster(context, cluster_name(context, options.member.cluster));
  const auto address = address_of(cluster.view, options.member);
  Querying querying(context, options, address, std::move(sql), password);
  bool succeeded = true;
  run_watched(context, options.watch, [&] { succeeded = querying.once(); });
  return succeeded ? 0 : 1;
}

}  // namespace pgherd::ctl
