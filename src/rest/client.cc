#include "rest/client.h"

#include <fmt/format.h>
#include <openssl/ssl.h>

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/host_name_verification.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/ssl.hpp>
#include <chrono>
#include <limits>

#include "rest/basic_auth.h"
#include "rest/tls_trouble.h"
#include "rest/url.h"
#include "runtime/await_answer.h"

namespace pgherd {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using asio::ip::tcp;
using beast::error_code;
using Clock = std::chrono::steady_clock;
using Answer = Result<HttpAnswer, HttpError>;

constexpr std::uint32_t kHeaderBytesMax = 64U << 10U;

// One request on its way, with the instants at which patience ends.
struct Journey {
  HttpRequest request;
  HttpUrl url;
  ClientSecurity security;
  std::shared_ptr<asio::ssl::context> tls;
  Clock::time_point connected_by;
  Clock::time_point answered_by;

  [[nodiscard]] auto failure(HttpErrorKind kind, std::string_view what) const {
    return fail(HttpError{.kind = kind,
                          .text = fmt::format("{} {}: {}", request.method, request.url, what)});
  }
  [[nodiscard]] auto failure(HttpErrorKind kind, std::string_view what,
                             const error_code& error) const {
    // Whoever ends the connection over our certificate has not read the request.
    if (const std::string objection = objection_to_ours(error); !objection.empty()) {
      return failure(
          HttpErrorKind::NotSent,
          fmt::format("the other side does not take our certificate {}(ctl.certfile): {}",
                      security.certfile.empty() ? "" : security.certfile + " ", objection));
    }
    if (wants_certificate(error)) {
      return failure(HttpErrorKind::NotSent,
                     "the other side wants a client certificate: set ctl.certfile");
    }
    if (error == beast::error::timeout) {
      return failure(kind == HttpErrorKind::Unknown ? HttpErrorKind::TimedOut : kind,
                     fmt::format("{}: timed out", what));
    }
    return failure(kind, fmt::format("{}: {}", what, error.message()));
  }
};

// A connection stands, and how it was found.
struct Reached {
  bool is_old_address = false;
};

asio::awaitable<Result<FoundHost, HttpError>> resolve(const Journey& journey) {
  auto found = co_await look_up(journey.url.host, journey.connected_by - Clock::now(),
                                journey.request.old_addresses);
  if (found) co_return std::move(*found);
  co_return journey.failure(
      HttpErrorKind::NotSent,
      fmt::format("cannot resolve {}: {}", journey.url.host, found.error().text));
}

// Each address gets its share of what time is left, so that a silent first one (an IPv6 address
// that leads nowhere) does not hide the others.
asio::awaitable<Result<Reached, HttpError>> connect(beast::tcp_stream& stream,
                                                    const Journey& journey) {
  const auto found = co_await resolve(journey);
  if (!found) co_return fail(found.error());
  const HostAddresses& addresses = found->addresses;
  const auto port = static_cast<std::uint16_t>(std::stoi(journey.url.port));
  std::string problems;
  for (std::size_t at = 0; at < addresses.size(); ++at) {
    const auto left = std::max(journey.connected_by - Clock::now(), Clock::duration(0));
    stream.expires_after(left / static_cast<long>(addresses.size() - at));
    const tcp::endpoint endpoint(addresses[at], port);
    const auto [error] = co_await stream.async_connect(endpoint, kAsTuple);
    if (!error) {
      const Reached reached{.is_old_address = found->are_remembered};
      co_return reached;
    }
    problems += fmt::format("{}{} port {}: {}", problems.empty() ? "" : "; ",
                            endpoint.address().to_string(), port,
                            error == beast::error::timeout ? "timed out" : error.message());
    error_code ignored;
    stream.socket().close(ignored);
  }
  co_return journey.failure(HttpErrorKind::NotSent, "cannot connect: " + problems);
}

http::request<http::string_body> message_of(const Journey& journey) {
  http::request<http::string_body> message;
  message.method_string(journey.request.method);
  message.target(journey.url.target);
  message.version(11);
  message.set(http::field::host, journey.url.authority());
  message.set(http::field::user_agent, "pgherd");
  message.set(http::field::accept, "*/*");
  message.set(http::field::connection, "close");
  if (journey.request.authentication) {
    message.set(http::field::authorization, basic_authorization(*journey.request.authentication));
  }
  message.body() = journey.request.body;
  const std::string& body = message.body();
  if (!body.empty()) message.set(http::field::content_type, "application/json");
  // Said even when it is zero: some requests may leave the body out, but not its length.
  if (!body.empty() || journey.request.method != "GET") message.content_length(body.size());
  return message;
}

HttpAnswer answer_of(http::response<http::string_body> message) {
  HttpAnswer answer{.status = static_cast<int>(message.result_int()),
                    .body = {},
                    .headers = {},
                    .is_from_old_address = false};
  for (const auto& field : message) {
    std::string name(field.name_string());
    std::transform(name.begin(), name.end(), name.begin(), [](char c) {
      return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    });
    answer.headers[name] = std::string(field.value());
  }
  answer.body = std::move(message.body());
  return answer;
}

// Servers that mark the end of the body by closing often do so without TLS' farewell.
bool ends_by_closing(const error_code& error,
                     const http::response_parser<http::string_body>& parser) {
  return error == asio::ssl::error::stream_truncated && parser.is_header_done() &&
         parser.need_eof();
}

template <typename Stream>
asio::awaitable<Answer> exchange(Stream& stream, const Journey& journey, Reached reached) {
  beast::get_lowest_layer(stream).expires_at(journey.answered_by);
  const auto message = message_of(journey);
  const auto [write_error, written] = co_await http::async_write(stream, message, kAsTuple);
  if (write_error) {
    co_return journey.failure(HttpErrorKind::Unknown, "cannot send the request", write_error);
  }
  beast::flat_buffer buffer;
  http::response_parser<http::string_body> parser;
  parser.header_limit(kHeaderBytesMax);
  parser.body_limit(journey.request.body_bytes_max);
  if (journey.request.method == "HEAD") parser.skip(true);
  const auto [error, size] = co_await http::async_read(stream, buffer, parser, kAsTuple);
  if (error && !ends_by_closing(error, parser)) {
    co_return journey.failure(HttpErrorKind::Unknown, "cannot read the answer", error);
  }
  HttpAnswer answer = answer_of(parser.release());
  answer.is_from_old_address = reached.is_old_address;
  co_return answer;
}

// `refused`: what is wrong with the server's certificate.
void verify_server(beast::ssl_stream<beast::tcp_stream>& stream, const Journey& journey,
                   std::string& refused) {
  error_code no_address;
  asio::ip::make_address(journey.url.host, no_address);
  if (no_address) SSL_set_tlsext_host_name(stream.native_handle(), journey.url.host.c_str());
  stream.set_verify_callback(
      [&journey, &refused](bool is_accepted, asio::ssl::verify_context& context) {
        if (!is_accepted) {
          refused = describe_refused(context);
          return false;
        }
        if (!journey.security.verifies_name()) return true;
        const bool is_named = asio::ssl::host_name_verification(journey.url.host)(true, context);
        if (!is_named) refused = describe_misnamed(context, journey.url.host);
        return is_named;
      });
}

asio::awaitable<Answer> exchange_over_tls(const Journey& journey) {
  const auto loop = co_await asio::this_coro::executor;
  beast::ssl_stream<beast::tcp_stream> stream(loop, *journey.tls);
  const auto connected = co_await connect(stream.next_layer(), journey);
  if (!connected) co_return fail(connected.error());
  std::string refused;
  verify_server(stream, journey, refused);
  stream.next_layer().expires_at(journey.connected_by);
  const auto [error] = co_await stream.async_handshake(asio::ssl::stream_base::client, kAsTuple);
  if (error && !refused.empty()) {
    co_return journey.failure(
        HttpErrorKind::NotSent,
        fmt::format("TLS handshake failed: the other side's {}; who may sign says ctl.cacert",
                    refused));
  }
  if (error) co_return journey.failure(HttpErrorKind::NotSent, "TLS handshake failed", error);
  co_return co_await exchange(stream, journey, *connected);
}

asio::awaitable<Answer> exchange_in_the_clear(const Journey& journey) {
  beast::tcp_stream stream(co_await asio::this_coro::executor);
  const auto connected = co_await connect(stream, journey);
  if (!connected) co_return fail(connected.error());
  co_return co_await exchange(stream, journey, *connected);
}

// Journeys are passed by value: the caller's may be gone when the coroutine runs.
asio::awaitable<Answer> travel(Journey journey) {
  if (journey.url.host.empty()) {
    co_return journey.failure(HttpErrorKind::NotSent,
                              "not a URL like http://host:port/path or https://host:port/path");
  }
  if (journey.url.is_tls) co_return co_await exchange_over_tls(journey);
  co_return co_await exchange_in_the_clear(journey);
}

Journey prepare(HttpRequest request, const ClientSecurity& security,
                std::shared_ptr<asio::ssl::context> tls) {
  const auto now = Clock::now();
  Journey journey{.request = std::move(request),
                  .url = {},
                  .security = security,
                  .tls = std::move(tls),
                  .connected_by = {},
                  .answered_by = Clock::time_point::max()};
  if (const auto url = parse_http_url(journey.request.url)) journey.url = *url;
  if (journey.request.timeout) journey.answered_by = now + *journey.request.timeout;
  journey.connected_by = std::min(now + journey.request.connect_timeout, journey.answered_by);
  return journey;
}

std::string message_of(const std::exception_ptr& exception) {
  try {
    std::rethrow_exception(exception);
  } catch (const std::exception& error) {
    return error.what();
  } catch (...) {
    return "unknown exception";
  }
}

}  // namespace

HttpClient::HttpClient(asio::any_io_executor loop, ClientSecurity security)
    : loop_(std::move(loop)), security_(std::move(security)), tls_(make_client_tls(security_)) {}

asio::awaitable<Answer> HttpClient::send(HttpRequest request) const {
  return travel(prepare(std::move(request), security_, tls_));
}

void HttpClient::send(HttpRequest request, std::function<void(Answer)> answer) const {
  const std::string url = request.url;
  asio::co_spawn(
      loop_, send(std::move(request)),
      [url, answer = std::move(answer)](const std::exception_ptr& exception, Answer result) {
        if (exception) {
          answer(fail(HttpError{.kind = HttpErrorKind::Unknown,
                                .text = url + ": " + message_of(exception)}));
        } else {
          answer(std::move(result));
        }
      });
}

}  // namespace pgherd
