#include "rest/connection.h"

#include <fmt/format.h>
#include <openssl/ssl.h>

#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/ssl.hpp>
#include <chrono>
#include <ctime>
#include <exception>
#include <string>

#include "rest/handlers.h"
#include "rest/request_head.h"
#include "rest/tls_trouble.h"
#include "runtime/await_answer.h"
#include "runtime/log.h"

namespace pgherd {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using asio::awaitable;
using asio::ip::tcp;
using beast::error_code;

// Takes part in the list of connections for as long as it lives.
class Registration {
 public:
  Registration(std::shared_ptr<RestService> service, std::function<void()> close)
      : service_(std::move(service)),
        slot_(service_->connections.insert(service_->connections.end(),
                                           {.close = std::move(close)})) {}
  ~Registration() { service_->connections.erase(slot_); }
  Registration(const Registration&) = delete;
  Registration& operator=(const Registration&) = delete;

  void begins_request() { slot_->is_between_requests = false; }
  void ends_request() {
    slot_->is_between_requests = true;
    auto& all = service_->connections;
    all.splice(all.end(), all, slot_);
  }

 private:
  std::shared_ptr<RestService> service_;
  std::list<ConnectionSlot>::iterator slot_;
};

// "Tue, 01 Jul 2025 10:00:00 GMT", made once a second.
const std::string& http_date() {
  static std::time_t made_at = 0;
  static std::string text;
  const std::time_t now = std::time(nullptr);
  if (now == made_at) return text;
  made_at = now;
  std::tm parts{};
  gmtime_r(&now, &parts);
  char buffer[64];
  const std::size_t size =
      std::strftime(buffer, sizeof buffer, "%a, %d %b %Y %H:%M:%S GMT", &parts);
  text.assign(buffer, size);
  return text;
}

template <typename Stream>
bool has_verified_certificate(Stream& stream) {
  if constexpr (std::is_same_v<Stream, beast::tcp_stream>) {
    return false;
  } else {
    X509* certificate = SSL_get_peer_certificate(stream.native_handle());
    const bool exists = certificate != nullptr;
    X509_free(certificate);
    return exists && SSL_get_verify_result(stream.native_handle()) == X509_V_OK;
  }
}

// One connection's way; Stream is plain or TLS.
template <typename Stream>
class Conversation {
 public:
  Conversation(Stream& stream, std::shared_ptr<RestService> service,
               std::shared_ptr<RestSetup> setup, const RestLimits& limits,
               Registration& registration)
      : stream_(stream),
        service_(std::move(service)),
        setup_(std::move(setup)),
        limits_(limits),
        registration_(registration),
        has_certificate_(has_verified_certificate(stream)) {
    error_code ignored;
    client_ = beast::get_lowest_layer(stream_).socket().remote_endpoint(ignored).address();
  }

  awaitable<void> run() {
    while (!service_->is_stopped) {
      const bool goes_on = co_await one_request();
      if (!goes_on) break;
      registration_.ends_request();
    }
  }

 private:
  void limit(Milliseconds time) { beast::get_lowest_layer(stream_).expires_after(time); }

  awaitable<bool> one_request() {
    limit(limits_.silence_max);
    RequestParser parser;
    limit_request(parser, limits_);
    const auto [header_error, header_size] =
        co_await http::async_read_header(stream_, buffer_, parser, kAsTuple);
    if (header_error) co_return co_await refuse_unreadable(header_error);
    const auto began = std::chrono::steady_clock::now();
    const bool is_awaited = parser.get()[http::field::expect] == "100-continue";
    if (is_awaited && !parser.is_done()) {
      const auto invited = co_await invite_body();
      if (!invited) co_return false;
    }
    if (!parser.is_done()) {
      const auto [error, size] = co_await http::async_read(stream_, buffer_, parser, kAsTuple);
      if (error) co_return co_await refuse_unreadable(error);
    }
    co_return co_await answer(parser, began);
  }

  awaitable<bool> answer(RequestParser& parser, std::chrono::steady_clock::time_point began) {
    // Only from here on: a client that sends its body drop by drop may be closed for a newer one.
    registration_.begins_request();
    const auto version = parser.get().version();
    const bool keeps_alive = parser.keep_alive();
    ApiRequest request = request_of(parser);
    const std::string line = request.method + " " + request.target.path;
    const bool shows_body = request.method != "HEAD" && request.method != "OPTIONS";
    auto reply = reply_at_once(*service_, request);
    if (!reply) {
      // The client waits for us now: its silence is no fault. A dead one is found by keepalive.
      beast::get_lowest_layer(stream_).expires_never();
      reply = co_await reply_later(service_, setup_, std::move(request));
    }
    if (!shows_body) reply->body.clear();
    if (log_is_on(LogLevel::Debug)) {
      const auto took =
          std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - began);
      log_debug("API request {} {} {} latency: {:.3f} ms", client_.to_string(), line, reply->code,
                took.count());
    }
    co_return co_await write(*reply, version, keeps_alive);
  }

  ApiRequest request_of(RequestParser& parser) const {
    ApiRequest request = request_in(parser);
    request.client = client_;
    request.has_client_certificate = has_certificate_;
    return request;
  }

  awaitable<bool> invite_body() {
    http::response<http::empty_body> invitation(http::status::continue_, 11);
    limit(limits_.write_max);
    const auto [error, size] = co_await http::async_write(stream_, invitation, kAsTuple);
    limit(limits_.silence_max);
    co_return !error;
  }

  // What was not HTTP, or too much of it, gets an answer if it can still be read; silence gets
  // none.
  awaitable<bool> refuse_unreadable(error_code error) {
    const auto status = status_of_unreadable(error);
    if (!status) co_return false;
    const ApiReply page = error_page(*status, error.message());
    co_return co_await write(page, 11, false);
  }

  awaitable<bool> write(const ApiReply& reply, unsigned version, bool keeps_alive) {
    http::response<http::string_body> message;
    message.version(version);
    message.result(static_cast<unsigned>(reply.code));
    message.set(http::field::server,
                setup_->config.names_its_version ? "pgherd/" PGHERD_VERSION : "pgherd");
    message.set(http::field::date, http_date());
    if (!reply.body.empty()) message.set(http::field::content_type, reply.content_type);
    for (const auto& [name, value] : reply.headers)
      message.set(name, value);
    add_configured_headers(message);
    message.keep_alive(keeps_alive);
    message.body() = reply.body;
    message.prepare_payload();
    limit(limits_.write_max);
    const auto [error, size] = co_await http::async_write(stream_, message, kAsTuple);
    co_return !error && keeps_alive;
  }

  void add_configured_headers(http::response<http::string_body>& message) const {
    for (const auto& [name, value] : setup_->config.http_extra_headers)
      message.set(name, value);
    if (!setup_->tls) return;
    for (const auto& [name, value] : setup_->config.https_extra_headers)
      message.set(name, value);
  }

  Stream& stream_;
  std::shared_ptr<RestService> service_;
  std::shared_ptr<RestSetup> setup_;
  const RestLimits& limits_;
  Registration& registration_;
  bool has_certificate_;
  asio::ip::address client_;
  beast::flat_buffer buffer_;
};

// Waits for the other side to have read what was said: closing with unread input would reset the
// connection and could take our last answer with it.
awaitable<void> part(beast::tcp_stream& stream) {
  error_code ignored;
  stream.socket().shutdown(tcp::socket::shutdown_send, ignored);
  stream.expires_after(1s);
  char rest[512];
  for (int round = 0; round < 16; ++round) {
    const auto [error, size] = co_await stream.async_read_some(asio::buffer(rest), kAsTuple);
    if (error) break;
  }
}

awaitable<void> serve_plain(std::shared_ptr<RestService> service, std::shared_ptr<RestSetup> setup,
                            const RestLimits& limits, tcp::socket socket) {
  beast::tcp_stream stream(std::move(socket));
  Registration registration(service, [&stream] {
    error_code ignored;
    stream.socket().close(ignored);
  });
  Conversation<beast::tcp_stream> conversation(stream, service, setup, limits, registration);
  co_await conversation.run();
  if (!service->is_stopped) co_await part(stream);
}

// One line for each certificate that is refused, on either side: who asks is seldom who reads this
// log.
void tell_failed_handshake(RestService& service, const RestSetup& setup,
                           const asio::ip::address& client, const error_code& error,
                           const std::string& refused) {
  std::string line;
  if (!refused.empty()) {
    line = fmt::format(
        "API: {} is refused, its {}; who may sign says restapi.cafile{}", client.to_string(),
        refused,
        setup.config.cafile.empty() ? ", which is not set" : " (" + setup.config.cafile + ")");
  } else if (const std::string objection = objection_to_ours(error); !objection.empty()) {
    line = fmt::format("API: {} does not take the certificate in restapi.certfile ({}): {}",
                       client.to_string(), setup.config.certfile, objection);
  } else if (wants_certificate(error)) {
    line = fmt::format(
        "API: {} is refused, it shows no certificate, and restapi.verify_client is \"required\"",
        client.to_string());
  }
  if (line.empty()) {
    log_debug("API: TLS handshake with {} failed: {}", client.to_string(), error.message());
  } else if (service.refusals.is_due(line, std::chrono::steady_clock::now())) {
    log_warning("{}", line);
  }
}

awaitable<void> serve_tls(std::shared_ptr<RestService> service, std::shared_ptr<RestSetup> setup,
                          const RestLimits& limits, tcp::socket socket) {
  beast::ssl_stream<beast::tcp_stream> stream(std::move(socket), *setup->tls);
  Registration registration(service, [&stream] {
    error_code ignored;
    stream.next_layer().socket().close(ignored);
  });
  error_code ignored;
  const auto client = stream.next_layer().socket().remote_endpoint(ignored).address();
  std::string refused;
  stream.set_verify_callback([&refused](bool is_accepted, asio::ssl::verify_context& context) {
    if (!is_accepted) refused = describe_refused(context);
    return is_accepted;
  });
  stream.next_layer().expires_after(limits.silence_max);
  const auto [error] = co_await stream.async_handshake(asio::ssl::stream_base::server, kAsTuple);
  if (error) {
    tell_failed_handshake(*service, *setup, client, error, refused);
    // So that it hears why.
    if (!refused.empty() && !service->is_stopped) co_await part(stream.next_layer());
    co_return;
  }
  Conversation<beast::ssl_stream<beast::tcp_stream>> conversation(stream, service, setup, limits,
                                                                  registration);
  co_await conversation.run();
  if (service->is_stopped) co_return;
  stream.next_layer().expires_after(1s);
  const auto [farewell_error] = co_await stream.async_shutdown(kAsTuple);
  static_cast<void>(farewell_error);
}

}  // namespace

awaitable<void> serve_connection(std::shared_ptr<RestService> service,
                                 std::shared_ptr<RestSetup> setup, RestLimits limits,
                                 tcp::socket socket) {
  try {
    if (setup->tls) {
      co_await serve_tls(service, setup, limits, std::move(socket));
    } else {
      co_await serve_plain(service, setup, limits, std::move(socket));
    }
  } catch (const std::exception& error) {
    log_error("API: a connection ended with an exception: {}", error.what());
  }
}

}  // namespace pgherd
