#include "rest/tls_trouble.h"

#include <fmt/format.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>

#include <array>
#include <boost/asio/ssl/error.hpp>
#include <ctime>
#include <memory>
#include <string_view>
#include <utility>

namespace pgherd {
namespace {

constexpr auto kSilence = std::chrono::minutes(1);
constexpr std::size_t kLinesMax = 256;  // of clients' names: they must not fill the memory

std::string text_of(const X509_NAME* name) {
  const std::unique_ptr<BIO, decltype(&BIO_free)> out(BIO_new(BIO_s_mem()), BIO_free);
  // Escapes what would break a line of the log.
  X509_NAME_print_ex(out.get(), name, 0, XN_FLAG_ONELINE & ~ASN1_STRFLGS_ESC_MSB);
  char* data = nullptr;
  const long size = BIO_get_mem_data(out.get(), &data);
  return size > 0 ? std::string(data, static_cast<std::size_t>(size)) : std::string("?");
}

std::string text_of(const ASN1_TIME* time) {
  std::tm parts{};
  if (ASN1_TIME_to_tm(time, &parts) != 1) return "?";
  std::array<char, 32> text{};
  const std::size_t size = std::strftime(text.data(), text.size(), "%Y-%m-%d %H:%M:%S UTC", &parts);
  return {text.data(), size};
}

std::string identity_of(boost::asio::ssl::verify_context& context) {
  X509* certificate = X509_STORE_CTX_get_current_cert(context.native_handle());
  if (certificate == nullptr) return "certificate";
  return fmt::format(
      "certificate \"{}\" of \"{}\", good from {} until {}",
      text_of(X509_get_subject_name(certificate)), text_of(X509_get_issuer_name(certificate)),
      text_of(X509_get0_notBefore(certificate)), text_of(X509_get0_notAfter(certificate)));
}

bool is_of_tls(const boost::system::error_code& error) {
  return error.category() == boost::asio::error::get_ssl_category();
}

}  // namespace

std::string describe_refused(boost::asio::ssl::verify_context& context) {
  const int code = X509_STORE_CTX_get_error(context.native_handle());
  return fmt::format("{}: {}", identity_of(context), X509_verify_cert_error_string(code));
}

std::string describe_misnamed(boost::asio::ssl::verify_context& context, const std::string& host) {
  return fmt::format("{}: it is not for \"{}\"", identity_of(context), host);
}

std::string objection_to_ours(const boost::system::error_code& error) {
  constexpr std::array<std::pair<int, std::string_view>, 7> kAlerts = {{
      {SSL_R_SSLV3_ALERT_BAD_CERTIFICATE, "it cannot be verified"},
      {SSL_R_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE, "it is not for this purpose"},
      {SSL_R_SSLV3_ALERT_CERTIFICATE_REVOKED, "it is revoked"},
      {SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED, "it has expired, or is not good yet"},
      {SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN, "it cannot be used"},
      {SSL_R_TLSV1_ALERT_DECRYPT_ERROR, "its signature does not verify"},
      {SSL_R_TLSV1_ALERT_UNKNOWN_CA, "who signed it is not trusted there"},
  }};
  if (!is_of_tls(error)) return {};
  const int reason = ERR_GET_REASON(static_cast<unsigned long>(error.value()));
  for (const auto& [alert, words] : kAlerts) {
    if (alert == reason) return std::string(words);
  }
  return {};
}

bool wants_certificate(const boost::system::error_code& error) {
  if (!is_of_tls(error)) return false;
  const int reason = ERR_GET_REASON(static_cast<unsigned long>(error.value()));
  return reason == SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED ||
         reason == SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE;
}

bool RepeatedLines::is_due(const std::string& line, Clock::time_point now) {
  std::erase_if(told_, [&](const auto& one) { return now - one.second >= kSilence; });
  if (told_.size() >= kLinesMax) return false;
  return told_.emplace(line, now).second;
}

}  // namespace pgherd
