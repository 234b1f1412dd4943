// Conversation: what can be known of a session by looking at the heads of its messages as they
// pass: whether it has begun, its cancel key, whether the server is in recovery, where a message of
// the router's own could stand, and whether anybody waits for an answer. Starts after the startup
// message, in clear text. Bytes that are no messages make it blind, not wrong: is_readable() is
// false from then on, and nothing is known any more.
//
// Costs a few nanoseconds a message; allocates only for a body that lies in two pieces.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "pgwire/login_transcript.h"
#include "pgwire/message_walk.h"
#include "pgwire/opening.h"
#include "pgwire/reply.h"
#include "pgwire/setting_names.h"

namespace pgherd::pgwire {

class Conversation {
 public:
  // Before anything is said: how the client logs in is kept, and which settings its statements
  // name.
  void keep_what_can_be_restored();
  void from_client(std::string_view bytes);
  void from_server(std::string_view bytes);

  [[nodiscard]] bool is_readable() const { return is_readable_; }
  // The server has said once that it is ready for queries.
  [[nodiscard]] bool has_begun() const { return has_begun_; }
  // The server has asked for a proof of identity, or wanted none: it takes connections.
  [[nodiscard]] bool is_welcome() const { return is_welcome_; }
  // What BackendKeyData said, to be compared with the CancelRequests that come.
  [[nodiscard]] const std::optional<CancelRequest>& cancel_key() const { return cancel_key_; }
  // As last reported; PostgreSQL before 14 does not.
  [[nodiscard]] std::optional<bool> in_hot_standby() const { return in_hot_standby_; }
  // The FATAL or PANIC with which the server ends the session.
  [[nodiscard]] const std::optional<ErrorReply>& farewell() const { return farewell_; }
  // The client has said goodbye: the server is about to close.
  [[nodiscard]] bool is_leaving() const { return is_leaving_; }
  // How often the server has said that it is ready for queries.
  [[nodiscard]] std::uint64_t answers() const { return answers_; }
  // Null unless that is kept.
  [[nodiscard]] const LoginTranscript* login() const { return login_.get(); }
  [[nodiscard]] const SettingNames* setting_names() const { return setting_names_.get(); }

  // The client has got whole messages only: one of the router's own can follow.
  [[nodiscard]] bool is_between_messages() const {
    return is_readable_ && from_server_.is_between_messages();
  }
  // Nobody waits for anything, and no transaction is open: whoever ends the session here undoes
  // nothing and leaves nothing in doubt.
  [[nodiscard]] bool is_at_rest() const;

 private:
  void take_from_client(char type, std::string_view body);
  void take_restorable(char type, std::string_view body);
  void take_from_server(char type, std::string_view body);
  void take_ready(char status);

  MessageWalk from_client_;
  MessageWalk from_server_;
  std::unique_ptr<LoginTranscript> login_;
  std::unique_ptr<SettingNames> setting_names_;
  std::optional<CancelRequest> cancel_key_;
  std::optional<ErrorReply> farewell_;
  std::optional<bool> in_hot_standby_;
  std::uint64_t answers_ = 0;
  std::uint32_t awaited_ = 0;  // answers "ready for query" that are owed to the client
  bool is_readable_ = true;
  bool is_welcome_ = false;
  bool has_begun_ = false;
  bool is_leaving_ = false;
  bool is_in_transaction_ = false;
  bool is_unsynced_ = false;  // the extended protocol was spoken since the last Sync
  bool last_was_simple_ = false;
  bool is_copying_in_ = false;
  bool is_streaming_ = false;  // CopyBoth: a walsender, which is never at rest
};

}  // namespace pgherd::pgwire
