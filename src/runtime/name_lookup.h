// NameLookup: the addresses of host names, asked for so that a name server that is silent about one
// host holds up nobody who asks for another. (Asio's own resolver asks for one name after the
// other, and the name of a machine that died a moment ago can take half a minute: just then its
// former neighbours have to find each other to elect one of themselves.)
//
// Each lookup has a thread of its own, at most one for a host at a time; who asks meanwhile waits
// for the same one. What a host's addresses were is remembered for when the server is silent.
//
// One for each loop, made by its first use and closed with the loop:
//   asio::use_service<NameLookup>(context), or look_up() from a coroutine on it
// A thread that still waits for the name server then touches nothing but memory of its own.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/execution_context.hpp>
#include <boost/asio/ip/address.hpp>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/instant.h"
#include "base/result.h"

namespace pgherd {

using HostAddresses = std::vector<boost::asio::ip::address>;

enum class NameErrorKind {
  Gone,      // the name server knows of no such host, or of no address for it
  NoAnswer,  // it did not say, or not in time, or too many such questions are under way
};
struct NameError {
  NameErrorKind kind = NameErrorKind::NoAnswer;
  std::string text;
};
using LookupResult = Result<HostAddresses, NameError>;

// What to do when the name server does not answer. Remembered addresses may belong to somebody else
// by now (container networks give them away again within seconds), so they are for those who can
// tell by what they hear there whom they reached.
enum class OldAddresses { Refused, Welcome };

class NameLookup final : public boost::asio::execution_context::service {
 public:
  static boost::asio::execution_context::id id;

  explicit NameLookup(boost::asio::execution_context& context);

  // Runs in threads of its own, several at once, and may be left behind in one of them.
  using Ask = std::function<LookupResult(const std::string& host)>;
  // Asks another than the system (getaddrinfo). For tests.
  void ask_by(Ask ask);

  struct State;
  [[nodiscard]] const std::shared_ptr<State>& state() const { return state_; }

 private:
  void shutdown() override;
  std::shared_ptr<State> state_;
};

struct FoundHost {
  HostAddresses addresses;  // at least one
  bool are_remembered = false;
};

// The addresses of a host, or of a literal address that one. Takes `patience` at most. Where
// remembered ones are welcome and there are any, they come after a quarter of it, 250 ms at most,
// or at once when the server has been silent for that long. Stays on the coroutine's loop.
[[nodiscard]] boost::asio::awaitable<Result<FoundHost, NameError>> look_up(std::string host,
                                                                           Duration patience,
                                                                           OldAddresses old);

}  // namespace pgherd
