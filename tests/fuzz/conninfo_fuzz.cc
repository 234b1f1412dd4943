// Values that go into libpq's connection strings and into files of PostgreSQL: libpq itself has to
// read of them what was meant, and no value may end its line.
#include <libpq-fe.h>

#include <memory>
#include <string>

#include "codec/conninfo.h"
#include "fuzz.h"

namespace {

struct Free {
  void operator()(PQconninfoOption* options) const { PQconninfoFree(options); }
};

// The value of a keyword as libpq reads it; "" where it has none.
std::string read_by_libpq(const std::string& text, std::string_view keyword) {
  char* problem = nullptr;
  const std::unique_ptr<PQconninfoOption, Free> options(PQconninfoParse(text.c_str(), &problem));
  PQfreemem(problem);
  pgherd::fuzz::require(options != nullptr, "a connection string");
  for (const PQconninfoOption* option = options.get(); option->keyword != nullptr; ++option)
    if (keyword == option->keyword) return option->val == nullptr ? "" : option->val;
  return {};
}

void expect_one_line(const std::string& text) {
  pgherd::fuzz::require(text.find('\n') == text.npos && text.find('\r') == text.npos, "one line");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace pgherd;  // NOLINT(google-build-using-namespace): a target is one function
  const std::string_view text = fuzz::text_of(data, size);
  const std::string value(text.substr(0, text.find('\0')));  // C has no others
  ConnInfo conninfo{{"host", "10.1.0.11"}, {"password", value}};
  conninfo.set_default("password", "another").set("user", value).set_if_any("dbname", value);
  const std::string written = conninfo.to_string();
  fuzz::require(read_by_libpq(written, "host") == "10.1.0.11", "what stands before it");
  fuzz::require(read_by_libpq(written, "password") == value, "a password");
  fuzz::require(read_by_libpq(written, "user") == value, "a user");
  fuzz::require(read_by_libpq(written, "dbname") == value, "a database");
  expect_one_line(quote_conf_value(value));
  (void)quote_sql_literal(text);
  (void)quote_sql_identifier(text);
  (void)pgpass_lines(value, "5432", "*", value, value);
  return 0;
}
