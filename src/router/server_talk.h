// What the router says to a server in a client's name, or in its own: a login, and queries. Both
// are fed with what comes and know when it is over; neither has a socket. (PostgreSQL manual, 53.2
// and 53.7.)
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "pgwire/message_walk.h"
#include "pgwire/opening.h"
#include "pgwire/reply.h"
#include "router/scram.h"

namespace pgherd::router {

// A message of type and body, as it goes over the wire.
[[nodiscard]] std::string write_message(char type, std::string_view body);
// The startup message of protocol 3.0 with these parameters: name, value, name, value...
[[nodiscard]] std::string write_startup(const std::vector<std::string>& parameters);
// A simple query.
[[nodiscard]] std::string write_query(std::string_view text);
// A query with parameters in text form, prepared, run and forgotten; one ReadyForQuery follows.
[[nodiscard]] std::string write_query(std::string_view text,
                                      const std::vector<std::string>& parameters);

// What is said with a server until it is over. Anything may come.
class ServerTalk {
 public:
  ServerTalk() = default;
  virtual ~ServerTalk() = default;
  ServerTalk(const ServerTalk&) = delete;
  ServerTalk& operator=(const ServerTalk&) = delete;

  // What has come.
  virtual void take(std::string_view bytes) = 0;
  // What is to be sent now, if anything is.
  [[nodiscard]] virtual std::string take_answer() { return {}; }
  [[nodiscard]] virtual bool is_over() const = 0;
};

class ServerLogin final : public ServerTalk {
 public:
  ServerLogin(std::string user, Secret secret, std::string nonce);

  void take(std::string_view bytes) override;
  [[nodiscard]] std::string take_answer() override { return std::exchange(answer_, {}); }
  [[nodiscard]] bool is_over() const override { return is_ready_ || refusal_.has_value(); }

  [[nodiscard]] bool is_ready() const { return is_ready_; }
  // Why there will be no session.
  [[nodiscard]] const std::optional<pgwire::ErrorReply>& refusal() const { return refusal_; }
  [[nodiscard]] const std::optional<pgwire::CancelRequest>& cancel_key() const {
    return cancel_key_;
  }
  [[nodiscard]] bool is_in_recovery() const { return is_in_recovery_; }
  // The ParameterStatus messages that came, whole.
  [[nodiscard]] const std::string& parameters() const { return parameters_; }

 private:
  void take(char type, std::string_view body);
  void take_authentication(std::string_view body);
  void take_sasl(std::string_view mechanisms);
  void refuse(std::string message);

  std::string user_;
  Secret secret_;
  ScramClient scram_;
  pgwire::MessageWalk walk_;
  std::string answer_;
  std::string parameters_;
  std::optional<pgwire::ErrorReply> refusal_;
  std::optional<pgwire::CancelRequest> cancel_key_;
  bool is_server_right_ = false;  // it has proven that it knows the password
  bool has_asked_ = false;        // for a proof that it owes one for
  bool is_in_recovery_ = false;
  bool is_ready_ = false;
};

// The answer to one or several queries.
class QueryAnswer final : public ServerTalk {
 public:
  // A column that is null is "".
  using Row = std::vector<std::string>;

  // Over after so many ReadyForQuery.
  explicit QueryAnswer(int readies = 1) : readies_(readies) {}

  void take(std::string_view bytes) override;
  [[nodiscard]] bool is_over() const override { return readies_ <= 0 || is_nonsense_; }
  // The first error, or that what came cannot be understood.
  [[nodiscard]] const std::optional<std::string>& problem() const { return problem_; }
  [[nodiscard]] const std::vector<Row>& rows() const { return rows_; }
  // What came beside the answer and is the client's: notices, notifications, parameters.
  [[nodiscard]] const std::string& asides() const { return asides_; }

 private:
  void take(char type, std::string_view body);
  void fail(std::string why);

  pgwire::MessageWalk walk_;
  int readies_;
  bool is_nonsense_ = false;
  std::optional<std::string> problem_;
  std::vector<Row> rows_;
  std::string asides_;
};

}  // namespace pgherd::router
