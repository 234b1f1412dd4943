// Text that goes into other programs' languages, quoted so that no value can say more than itself:
// libpq connection strings, postgresql.conf, SQL, pgpass.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace pgherd {

// libpq's keyword/value format (PostgreSQL manual, 32.1.1.1): bare where that is safe, else in
// single quotes with `'` and `\` escaped by a backslash. "" becomes ''.
[[nodiscard]] std::string quote_conninfo_value(std::string_view value);

// "host=10.1.0.12 port=5432 user='some body'": keywords in the order of their first setting; a
// second setting replaces the value where it stands.
class ConnInfo {
 public:
  ConnInfo() = default;
  ConnInfo(std::initializer_list<std::pair<std::string, std::string>> entries);

  ConnInfo& set(std::string_view keyword, std::string_view value);
  // Does nothing for an empty value: libpq's default stands.
  ConnInfo& set_if_any(std::string_view keyword, std::string_view value);
  // Leaves a value that is there already.
  ConnInfo& set_default(std::string_view keyword, std::string_view value);
  ConnInfo& remove(std::string_view keyword);

  [[nodiscard]] const std::string* find(std::string_view keyword) const;
  [[nodiscard]] const std::vector<std::pair<std::string, std::string>>& entries() const {
    return entries_;
  }
  [[nodiscard]] std::string to_string() const;

  friend bool operator==(const ConnInfo&, const ConnInfo&) = default;

 private:
  std::vector<std::pair<std::string, std::string>> entries_;
};

// 'value' for postgresql.conf: quotes and backslashes doubled (PostgreSQL's guc-file.l reads both).
// A line break cannot stand in that file; it becomes the escape \n.
[[nodiscard]] std::string quote_conf_value(std::string_view value);

// 'value' for SQL, as E'' when a backslash is in it, so that standard_conforming_strings is
// irrelevant. Precondition: no NUL byte (the server could not take it anyway; it is dropped).
[[nodiscard]] std::string quote_sql_literal(std::string_view value);
// "name", quotes doubled, always quoted.
[[nodiscard]] std::string quote_sql_identifier(std::string_view name);

// One field of a pgpass line: `:` and `\` escaped by a backslash (PostgreSQL manual, 32.16).
[[nodiscard]] std::string escape_pgpass(std::string_view field);
// "host:port:database:user:password"; an empty field but the password becomes `*`.
[[nodiscard]] std::string pgpass_line(std::string_view host, std::string_view port,
                                      std::string_view database, std::string_view user,
                                      std::string_view password);
// The lines, each with its line break, with which libpq finds the password for this host: it looks
// for a socket directory by its path, but for its own default directory, and where no host is said,
// by "localhost" (PostgreSQL manual, 32.16), and which directory that is only libpq knows.
[[nodiscard]] std::string pgpass_lines(std::string_view host, std::string_view port,
                                       std::string_view database, std::string_view user,
                                       std::string_view password);

}  // namespace pgherd
