// What to say when TLS fails over a certificate: whose it is, what is wrong with it, and what the
// other side says against ours. OpenSSL's own words ("certificate verify failed") leave all of that
// open.
#pragma once

#include <boost/asio/ssl/verify_context.hpp>
#include <boost/system/error_code.hpp>
#include <chrono>
#include <map>
#include <string>

namespace pgherd {

// The certificate that a verification is at, and why it is not accepted:
// `certificate "CN=a" of "CN=b", good until 2026-11-28 10:05:56 UTC: certificate has expired`.
// Precondition: inside a verify callback.
[[nodiscard]] std::string describe_refused(boost::asio::ssl::verify_context& context);

// `certificate "CN=a" of "CN=b", good until ...: it is not for "host"`
[[nodiscard]] std::string describe_misnamed(boost::asio::ssl::verify_context& context,
                                            const std::string& host);

// What the other side has against our certificate, where that is why it has ended the connection:
// "it has expired"; "" for all other errors.
[[nodiscard]] std::string objection_to_ours(const boost::system::error_code& error);

// The other side wants a certificate, and got none.
[[nodiscard]] bool wants_certificate(const boost::system::error_code& error);

// Whoever is refused comes again, perhaps many times a second: the same line is told once a minute.
class RepeatedLines {
 public:
  using Clock = std::chrono::steady_clock;
  [[nodiscard]] bool is_due(const std::string& line, Clock::time_point now);

 private:
  std::map<std::string, Clock::time_point> told_;
};

}  // namespace pgherd
