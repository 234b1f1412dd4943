#include "postgres/local/server_facts.h"

#include <fmt/core.h>
#include <libpq-fe.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <sstream>
#include <string_view>

#include "codec/postgres_settings.h"
#include "postgres/local/postmaster_pid.h"
#include "runtime/files.h"

namespace pgherd {
namespace {

namespace fs = std::filesystem;

using Connection = std::unique_ptr<PGconn, decltype(&PQfinish)>;
using Answer = std::unique_ptr<PGresult, decltype(&PQclear)>;
using Options = std::unique_ptr<PQconninfoOption, decltype(&PQconninfoFree)>;

std::string text_of(const char* text) {
  return text == nullptr ? "" : text;
}

std::string without_line_end(std::string text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == ' '))
    text.pop_back();
  return text;
}

bool names_a_database(const std::string& dsn) {
  if (std::getenv("PGDATABASE") != nullptr) return true;  // NOLINT: one thread
  const Options options(PQconninfoParse(dsn.c_str(), nullptr), PQconninfoFree);
  for (const PQconninfoOption* one = options.get(); one != nullptr && one->keyword != nullptr;
       ++one)
    if (std::string_view(one->keyword) == "dbname" && one->val != nullptr) return true;
  return false;
}

Connection connect(const std::string& dsn, const std::string& password) {
  // libpq takes the first `dbname` apart if it is a whole DSN; of two plain ones the later counts.
  std::vector<const char*> keywords{"application_name"};
  std::vector<const char*> values{"pgherd generate-config"};
  if (!dsn.empty()) {
    keywords.push_back("dbname");
    values.push_back(dsn.c_str());
  }
  if (!names_a_database(dsn)) {
    keywords.push_back("dbname");
    values.push_back("postgres");
  }
  if (!password.empty()) {
    keywords.push_back("password");
    values.push_back(password.c_str());
  }
  keywords.push_back(nullptr);
  values.push_back(nullptr);
  return {PQconnectdbParams(keywords.data(), values.data(), 1), PQfinish};
}

// The keys of authentication.superuser that libpq was told, by the DSN or its variables.
std::map<std::string, std::string> login_of(PGconn* connection) {
  constexpr std::array<std::string_view, 10> kKept = {
      "sslmode", "sslcert",   "sslkey",     "sslpassword",     "sslrootcert",
      "sslcrl",  "sslcrldir", "gssencmode", "channel_binding", "sslnegotiation"};
  std::map<std::string, std::string> login{{"username", text_of(PQuser(connection))}};
  if (const std::string password = text_of(PQpass(connection)); !password.empty())
    login["password"] = password;
  const Options options(PQconninfo(connection), PQconninfoFree);
  for (const PQconninfoOption* one = options.get(); one != nullptr && one->keyword != nullptr;
       ++one) {
    const bool is_kept = std::find(kKept.begin(), kKept.end(), one->keyword) != kKept.end();
    if (is_kept && one->val != nullptr && text_of(one->val) != text_of(one->compiled))
      login[one->keyword] = one->val;
  }
  return login;
}

bool is_asked_always(std::string_view name) {
  constexpr std::array<std::string_view, 7> kPlaces = {
      "data_directory", "config_file",  "hba_file",        "ident_file",
      "port",           "cluster_name", "listen_addresses"};
  return std::find(kPlaces.begin(), kPlaces.end(), name) != kPlaces.end();
}

constexpr const char* kQuery =
    "select name, pg_catalog.current_setting(name), "
    "context <> 'internal' and category <> 'Write-Ahead Log / Recovery Target' and "
    "setting <> '(disabled)' and "
    "source in ('configuration file', 'command line', 'environment variable') "
    "from pg_catalog.pg_settings order by name";

std::string* place_of(std::string_view name, ServerFacts& facts) {
  if (name == "data_directory") return &facts.data_dir;
  if (name == "config_file") return &facts.config_file;
  if (name == "hba_file") return &facts.hba_file;
  if (name == "ident_file") return &facts.ident_file;
  if (name == "listen_addresses") return &facts.listen_addresses;
  if (name == "port") return &facts.port;
  if (name == "cluster_name") return &facts.cluster_name;
  return nullptr;
}

void take_settings(const PGresult* rows, ServerFacts& facts) {
  for (int row = 0; row < PQntuples(rows); ++row) {
    const std::string name = text_of(PQgetvalue(rows, row, 0));
    const std::string value = text_of(PQgetvalue(rows, row, 1));
    const bool is_set = text_of(PQgetvalue(rows, row, 2)) == "t";
    if (std::string* place = place_of(name, facts)) {
      *place = value;
    } else if (is_set || (is_controlled_parameter(name) && !is_asked_always(name))) {
      facts.parameters.emplace_back(name, value);
    }
  }
}

// As PostgreSQL reads it, comments included: a backslash at its end joins a line with the next one.
std::vector<std::string> joined_lines(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream all(text);
  bool goes_on = false;
  for (std::string line; std::getline(all, line);) {
    if (line.ends_with('\r')) line.pop_back();
    const bool is_continued = line.ends_with('\\');
    if (is_continued) line.pop_back();
    if (goes_on) {
      lines.back().append(line);
    } else {
      lines.push_back(std::move(line));
    }
    goes_on = is_continued;
  }
  return lines;
}

Result<void, std::string> read_rules(ServerFacts& facts) {
  const auto hba = read_file(facts.hba_file);
  if (!hba) return fail(hba.error().text + "; run this as the user who owns PostgreSQL");
  facts.hba_lines = hba_lines(*hba);
  const auto ident = read_file(facts.ident_file);
  if (!ident) return fail(ident.error().text + "; run this as the user who owns PostgreSQL");
  facts.ident_lines = ident_lines(*ident);
  return {};
}

Result<void, std::string> find_programs(ServerFacts& facts) {
  const auto file = read_postmaster_pid(facts.data_dir);
  if (!file)
    return fail(facts.data_dir +
                "/postmaster.pid cannot be read; run this on the machine of the "
                "server, as the user who owns it");
  std::error_code error;
  const fs::path program = fs::read_symlink(fmt::format("/proc/{}/exe", file->pid), error);
  if (error)
    return fail(
        fmt::format("the program of process {} (in postmaster.pid) cannot be told: {}; run "
                    "this as the user who owns PostgreSQL",
                    file->pid, error.message()));
  facts.bin_dir = program.parent_path().string();
  return {};
}

}  // namespace

std::vector<std::string> hba_lines(const std::string& text) {
  constexpr std::array<std::string_view, 9> kTypes = {
      "local",        "host",    "hostssl",           "hostnossl",  "hostgssenc",
      "hostnogssenc", "include", "include_if_exists", "include_dir"};
  std::vector<std::string> lines;
  for (const std::string& line : joined_lines(text)) {
    std::istringstream words(line);
    std::string type;
    words >> type;
    if (std::find(kTypes.begin(), kTypes.end(), type) != kTypes.end())
      lines.push_back(line.substr(line.find(type)));
  }
  return lines;
}

std::vector<std::string> ident_lines(const std::string& text) {
  std::vector<std::string> lines;
  for (const std::string& line : joined_lines(text)) {
    const std::size_t begin = line.find_first_not_of(" \t");
    if (begin != std::string::npos && line[begin] != '#') lines.push_back(line.substr(begin));
  }
  return lines;
}

Result<ServerFacts, std::string> read_server_facts(
    const std::string& dsn, const std::function<std::string()>& ask_password) {
  if (!dsn.empty()) {
    char* said = nullptr;
    const Options options(PQconninfoParse(dsn.c_str(), &said), PQconninfoFree);
    const std::string problem = without_line_end(text_of(said));
    PQfreemem(said);
    if (!options) return fail("--dsn: " + problem);
  }
  Connection connection = connect(dsn, "");
  if (PQstatus(connection.get()) != CONNECTION_OK &&
      PQconnectionNeedsPassword(connection.get()) == 1)
    connection = connect(dsn, ask_password());
  if (PQstatus(connection.get()) != CONNECTION_OK) {
    return fail("cannot connect to PostgreSQL: " +
                without_line_end(text_of(PQerrorMessage(connection.get()))) +
                "; say with --dsn or PGHOST, PGPORT and PGUSER where it is");
  }
  if (text_of(PQparameterStatus(connection.get(), "is_superuser")) != "on")
    return fail(text_of(PQuser(connection.get())) + " is no superuser; connect as one");
  const Answer rows(PQexec(connection.get(), kQuery), PQclear);
  if (PQresultStatus(rows.get()) != PGRES_TUPLES_OK)
    return fail("cannot read the server's settings: " +
                without_line_end(text_of(PQerrorMessage(connection.get()))));
  ServerFacts facts;
  facts.superuser = login_of(connection.get());
  facts.connect_port = text_of(PQport(connection.get()));
  take_settings(rows.get(), facts);
  if (auto read = read_rules(facts); !read) return fail(read.error());
  if (auto found = find_programs(facts); !found) return fail(found.error());
  return facts;
}

}  // namespace pgherd
