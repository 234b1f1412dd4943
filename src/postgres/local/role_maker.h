// The roles of a new cluster. One session for all of them: nothing of it is logged, for statements
// hold verifiers of passwords.
#pragma once

#include <string>

#include "postgres/local/act_context.h"

namespace pgherd {

class RoleMaker {
 public:
  explicit RoleMaker(ActContext& context) : session_(context.loop) {}

  // `login`: of a superuser; `advice`: what the operator can check when it is refused. Cancelling
  // the control ends what is under way, until its `interrupt` is cleared.
  boost::asio::awaitable<Attempt> connect(ActControl& control, ConnInfo login, std::string advice);
  // Makes the role or gives it these attributes and its password.
  boost::asio::awaitable<Attempt> ensure(Credentials who, std::string attributes);
  boost::asio::awaitable<Attempt> allow_rewind(std::string username);

 private:
  boost::asio::awaitable<Answer<std::string>> verifier_of(Credentials who);
  boost::asio::awaitable<Attempt> run(std::string sql, std::string what);

  PgSession session_;
};

}  // namespace pgherd
