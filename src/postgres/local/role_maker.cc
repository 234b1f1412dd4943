#include "postgres/local/role_maker.h"

#include <fmt/core.h>

namespace pgherd {
namespace {

namespace asio = boost::asio;

Failure failure_of(const QueryError& error, const std::string& what) {
  return {.text = what + ": " + error.text};
}

}  // namespace

asio::awaitable<Attempt> RoleMaker::connect(ActControl& control, ConnInfo login,
                                            std::string advice) {
  login.set("application_name", "pgherd bootstrap");
  control.interrupt = [this] { session_.interrupt(); };
  auto connected = co_await session_.connect(std::move(login), 10s);
  if (!connected)
    co_return tl::unexpected(failure_of(
        connected.error(), "cannot log in to the new cluster as the superuser (" + advice + ")"));
  co_return co_await run(
      "set synchronous_commit to local; set log_statement to none; "
      "set log_min_duration_statement to -1; set log_min_error_statement to panic; "
      "set pg_stat_statements.track_utility to off; set pgaudit.log to none",
      "quiet the session");
}

asio::awaitable<Attempt> RoleMaker::ensure(Credentials who, std::string attributes) {
  auto found = co_await session_.query(
      "select from pg_catalog.pg_roles where rolname = " + quote_sql_literal(who.username), 30s);
  if (!found) co_return tl::unexpected(failure_of(found.error(), "cannot look for a role"));
  const bool exists = !found->empty() && !found->front().empty();
  std::string sql = fmt::format("{} role {} with {}", exists ? "alter" : "create",
                                quote_sql_identifier(who.username), attributes);
  if (!who.password.empty()) {
    const auto verifier = co_await verifier_of(who);
    if (!verifier) co_return tl::unexpected(verifier.error());
    sql += " password " + quote_sql_literal(*verifier);
  }
  co_return co_await run(sql, "make the role " + who.username);
}

// As the server would have made it of the password, which it never sees.
asio::awaitable<Answer<std::string>> RoleMaker::verifier_of(Credentials who) {
  const auto answer = co_await session_.query("show password_encryption", 30s);
  if (!answer) co_return tl::unexpected(failure_of(answer.error(), "cannot ask for a setting"));
  const bool is_answered = !answer->empty() && !answer->front().empty();
  const std::string algorithm =
      is_answered ? answer->front().front().front().value_or("") : std::string();
  std::string made = session_.password_verifier(who.password, who.username, algorithm);
  if (made.empty())
    co_return failed("cannot make a verifier of the password of " + who.username +
                     " (password_encryption is " + algorithm + ")");
  co_return made;
}

asio::awaitable<Attempt> RoleMaker::allow_rewind(std::string username) {
  std::string sql;
  for (const char* function :
       {"pg_ls_dir(text, boolean, boolean)", "pg_stat_file(text, boolean)",
        "pg_read_binary_file(text)", "pg_read_binary_file(text, bigint, bigint, boolean)"})
    sql += fmt::format("grant execute on function pg_catalog.{} to {};", function,
                       quote_sql_identifier(username));
  co_return co_await run(sql, "let " + username + " read files for pg_rewind");
}

asio::awaitable<Attempt> RoleMaker::run(std::string sql, std::string what) {
  auto done = co_await session_.query(std::move(sql), 60s);
  if (!done) co_return tl::unexpected(failure_of(done.error(), "cannot " + what));
  co_return Attempt{};
}

}  // namespace pgherd
