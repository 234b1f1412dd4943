// Session: one client's connection, from its first byte to its last.
//
//   opening -> held -> connecting -> relaying -> parting -> over
//                ^                      |
//                +------ parked <-------+
//
// A coroutine leads it to its server (session_opening.cc); then the bytes of both sides are passed
// on as they come (session.cc). Where the primary is asked to give way, a session for writes waits
// between two transactions and goes on with the new one (session_moving.cc). Bytes are read into
// the loop's scratch buffer and written from it. A session owns memory for bytes only while the
// side that they are for does not take them, and then stops reading the other one: at most one
// scratch buffer each way.
//
// Threads: its worker's loop.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "pgwire/conversation.h"
#include "pgwire/reply.h"
#include "router/session_state.h"
#include "router/sockets.h"
#include "router/worker.h"

namespace pgherd::router {

class Session : public std::enable_shared_from_this<Session> {
 public:
  Session(Worker& worker, Socket client, Purpose purpose);
  ~Session();

  // `place`: its own, in the worker's list, given back by forget().
  void begin(Worker::Sessions::iterator place);

  [[nodiscard]] Purpose purpose() const { return purpose_; }
  [[nodiscard]] Instant opening_since() const { return opening_since_; }
  [[nodiscard]] Instant held_since() const { return held_since_; }

  // The plan has changed. True: that was the end of the session.
  [[nodiscard]] bool obey(const RoutePlan& plan);
  // If it waits: look again whether there is a server. False: it does not wait just now.
  bool wake();
  // It follows a change of the leader, and is in a transaction or does not know yet what it has.
  [[nodiscard]] bool has_yet_to_rest() const;
  // The router is about to end.
  void drain();
  // It took too long to say what it wants.
  void give_up_opening();
  // Ends it if the client or the server is gone without a word.
  void feel_pulse();
  // Now, without a word.
  void finish();

 private:
  enum class Stage { Opening, Held, Connecting, Parked, Relaying, Parting, Over };
  enum class WhenRefused { Tell, GoOn };

  // session_opening.cc. Those that say whether it goes on are false when the session has come to
  // its end meanwhile; then nothing is left to be done.
  static boost::asio::awaitable<void> lead(std::shared_ptr<Session> self);
  boost::asio::awaitable<void> open();
  boost::asio::awaitable<bool> read_opening(pgwire::Opening& opening);
  boost::asio::awaitable<bool> take_opening(pgwire::Opening& opening);
  boost::asio::awaitable<bool> answer_ssl_request();
  boost::asio::awaitable<void> ask_for_tls(std::string& reply);
  boost::asio::awaitable<bool> answer(std::string bytes);
  boost::asio::awaitable<bool> attach(WhenRefused when_refused);
  boost::asio::awaitable<bool> wait_for_change(Hold hold);
  boost::asio::awaitable<bool> connect(To to);
  boost::asio::awaitable<std::string> reach(HostPort address);
  boost::asio::awaitable<std::string> reach_one(CancelKeys::Endpoint endpoint);
  boost::asio::awaitable<bool> write_to_server(std::string bytes);
  boost::asio::awaitable<bool> read_from_server(std::string& bytes, std::size_t bytes_max);
  boost::asio::awaitable<void> log_in(std::string startup);
  boost::asio::awaitable<std::string> read_reply(std::string& bytes);
  boost::asio::awaitable<void> relay_unseen();
  boost::asio::awaitable<void> cancel(pgwire::CancelRequest request);
  boost::asio::awaitable<void> pass_on_cancel(std::string bytes);
  [[nodiscard]] bool is_being_led() const { return stage_ < Stage::Relaying; }
  void refuse(const pgwire::ErrorText& error);
  void set_alarm(Duration from_now);
  void watch_client();
  void leave_opening();
  void leave_held();
  void begin_opening();
  void end_connecting();
  void server_failed(const std::string& why);
  void let_go_of_server();

  // session_moving.cc
  struct Setback {
    std::string why;          // "": none
    bool is_lasting = false;  // another attempt would end the same way
  };
  enum class Next { Wait, Resume, Move, GiveUp };
  void keep_identity(const pgwire::StartupMessage& startup, const std::string& packet);
  [[nodiscard]] bool may_park() const;
  void park();
  static boost::asio::awaitable<void> stay_parked(std::shared_ptr<Session> self);
  boost::asio::awaitable<void> wait_and_go_on();
  boost::asio::awaitable<SessionState> ask_for_state();
  [[nodiscard]] Next what_is_next();
  boost::asio::awaitable<void> wait_for_news();
  void resume();
  boost::asio::awaitable<void> move(SessionState state);
  boost::asio::awaitable<Setback> log_in_again(const SessionState& state);
  boost::asio::awaitable<Setback> find_secret(Secret& secret);
  boost::asio::awaitable<Setback> restore(const SessionState& state, std::string& asides);
  boost::asio::awaitable<void> converse(std::string bytes, ServerTalk& talk);
  void cut_unmoved(const std::string& obstacle);
  void leave_parked();

  // session.cc
  void relay(std::string_view first);
  void read_client();
  void read_server();
  void client_is_readable();
  void server_is_readable();
  [[nodiscard]] bool to_server(std::string_view bytes);
  [[nodiscard]] bool to_client(std::string_view bytes);
  void flush_to_server();
  void flush_to_client();
  [[nodiscard]] bool take_from_server(std::string_view bytes);
  [[nodiscard]] bool settle(bool was_between_messages);
  void server_is_gone();
  void cut(const pgwire::ErrorText& error, bool can_be_told);
  void part();
  void discard_from_client();

  Worker& worker_;
  Socket client_;
  Socket server_;
  boost::asio::steady_timer alarm_;
  Purpose purpose_;
  Stage stage_ = Stage::Opening;
  bool is_told_plainly_ = true;  // no TLS: what passes can be understood
  bool must_be_primary_ = false;
  bool is_settled_ = false;  // logged in: nothing more is looked for in the server's first words
  bool is_rerouted_ = false;
  bool client_is_gone_ = false;
  bool server_is_deaf_ = false;
  bool has_asked_ssl_ = false;
  bool has_asked_gssenc_ = false;
  bool is_key_entered_ = false;
  bool is_counted_ = false;         // among the port's sessions
  bool is_connecting_ = false;      // among the worker's
  bool is_watched_ = false;         // the client, for its end, while it waits
  bool is_client_awaited_ = false;  // until it says something
  bool is_server_awaited_ = false;
  bool is_parked_ = false;           // counted as such
  bool waits_for_news_ = false;      // parked, and its server has told what it has
  std::uint32_t server_number_ = 0;  // of the present server, among those that it has had
  std::uint32_t alarms_ = 0;         // the number of the present one
  Instant arrived_;
  Instant opening_since_;
  Instant held_since_;
  // With which it may log in again: its name, and its startup message. Null: it is not moved.
  struct Identity {
    std::string user;
    std::string startup;
  };
  std::unique_ptr<const Identity> identity_;
  pgwire::Conversation talk_;
  std::shared_ptr<ServerTally> tally_;
  CancelKeys::Endpoint server_endpoint_;
  std::string input_;  // what the client has said beyond what was understood
  std::string unsent_to_server_;
  std::string unsent_to_client_;
  std::optional<Worker::Sessions::iterator> place_;
  std::optional<Worker::Places::iterator> opening_place_;
  std::optional<Worker::Places::iterator> held_place_;
};

}  // namespace pgherd::router
