// HttpClient: one HTTP request to one URL, over TLS if the URL says so. Used between members, by
// ctl, and by tests. Each request has its own connection; all addresses of a name are tried in
// turn.
//
// Threads: everything on the given loop. Requests under way may outlive the client.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/ssl/context.hpp>
#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "base/instant.h"
#include "base/result.h"
#include "model/agent_config.h"
#include "rest/tls.h"
#include "runtime/name_lookup.h"

namespace pgherd {

struct HttpRequest {
  std::string method = "GET";
  std::string url;
  std::string body;
  std::optional<Credentials> authentication;
  // From the beginning until the connection (with its TLS) stands.
  Milliseconds connect_timeout = 5s;
  // From the beginning until the last byte of the answer. Without one a silent server is waited for
  // without end: only for operators' requests that take as long as PostgreSQL takes.
  std::optional<Milliseconds> timeout = 30s;
  std::size_t body_bytes_max = 4U << 20U;
  // Whether an address that the host had before will do while the name server is silent.
  OldAddresses old_addresses = OldAddresses::Refused;
};

struct HttpAnswer {
  int status = 0;
  std::string body;
  std::map<std::string, std::string> headers;  // names in lower case; the last of equal ones
  // The name server was silent, and this comes from where the host was before: whoever lives there.
  bool is_from_old_address = false;
};

enum class HttpErrorKind {
  NotSent,   // the request has not been carried out: bad URL, no address, refused, TLS failed
  Unknown,   // it was sent (or partly), but no whole answer came: it may have been carried out
  TimedOut,  // likewise, because the time was over
};
struct HttpError {
  HttpErrorKind kind = HttpErrorKind::NotSent;
  std::string text;  // names the URL, what failed and why
};

class HttpClient {
 public:
  // Throws std::runtime_error if a certificate or key cannot be used.
  explicit HttpClient(boost::asio::any_io_executor loop, ClientSecurity security = {});

  [[nodiscard]] boost::asio::awaitable<Result<HttpAnswer, HttpError>> send(
      HttpRequest request) const;

  // The answer comes on the loop, never from inside the call.
  void send(HttpRequest request, std::function<void(Result<HttpAnswer, HttpError>)> answer) const;

 private:
  boost::asio::any_io_executor loop_;
  ClientSecurity security_;
  std::shared_ptr<boost::asio::ssl::context> tls_;
};

}  // namespace pgherd
