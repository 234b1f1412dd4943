#include "rest/tls.h"

#include <fmt/format.h>
#include <openssl/ssl.h>

#include <boost/system/system_error.hpp>
#include <functional>
#include <stdexcept>

namespace pgherd {
namespace {

namespace ssl = boost::asio::ssl;

void attempt(std::string_view option, const std::string& value,
             const std::function<void(boost::system::error_code&)>& act) {
  boost::system::error_code error;
  act(error);
  if (!error) return;
  throw std::runtime_error(fmt::format(
      "{}: cannot use \"{}\": {}; check that the file exists, is PEM and is readable by this user",
      option, value, error.message()));
}

void load_identity(ssl::context& context, std::string_view section, const std::string& certfile,
                   const std::string& keyfile, const std::string& password) {
  // Always set: OpenSSL would ask the terminal for the passphrase otherwise.
  context.set_password_callback(
      [password](std::size_t, ssl::context::password_purpose) { return password; });
  attempt(fmt::format("{}.certfile", section), certfile,
          [&](auto& error) { context.use_certificate_chain_file(certfile, error); });
  const std::string& key = keyfile.empty() ? certfile : keyfile;
  attempt(fmt::format("{}.keyfile", section), key,
          [&](auto& error) { context.use_private_key_file(key, ssl::context::pem, error); });
}

int verify_mode_of(const std::string& verify_client) {
  if (verify_client == "required") {
    return ssl::verify_peer | ssl::verify_fail_if_no_peer_cert;
  }
  return verify_client == "optional" ? ssl::verify_peer : ssl::verify_none;
}

}  // namespace

std::shared_ptr<ssl::context> make_server_tls(const RestConfig& config) {
  auto context = std::make_shared<ssl::context>(ssl::context::tls_server);
  context->set_options(ssl::context::default_workarounds | ssl::context::no_sslv2 |
                       ssl::context::no_sslv3 | ssl::context::no_tlsv1 | ssl::context::no_tlsv1_1);
  load_identity(*context, "restapi", config.certfile, config.keyfile, config.keyfile_password);
  if (!config.cafile.empty()) {
    attempt("restapi.cafile", config.cafile,
            [&](auto& error) { context->load_verify_file(config.cafile, error); });
  }
  if (!config.ciphers.empty() &&
      SSL_CTX_set_cipher_list(context->native_handle(), config.ciphers.c_str()) != 1) {
    throw std::runtime_error(
        fmt::format("restapi.ciphers: OpenSSL knows no cipher in \"{}\"", config.ciphers));
  }
  context->set_verify_mode(verify_mode_of(config.verify_client));
  // Sessions would have to be kept apart by an id when client certificates are verified.
  SSL_CTX_set_session_cache_mode(context->native_handle(), SSL_SESS_CACHE_OFF);
  static const unsigned char kSessionContext[] = "pgherd";
  SSL_CTX_set_session_id_context(context->native_handle(), kSessionContext,
                                 sizeof(kSessionContext) - 1);
  return context;
}

ClientSecurity client_security(const CtlConfig& ctl, const RestConfig& rest) {
  return {.is_insecure = ctl.insecure,
          .cacert = ctl.cacert.empty() ? rest.cafile : ctl.cacert,
          .certfile = ctl.certfile,
          .keyfile = ctl.keyfile,
          .keyfile_password = ctl.keyfile_password};
}

std::shared_ptr<ssl::context> make_client_tls(const ClientSecurity& security) {
  auto context = std::make_shared<ssl::context>(ssl::context::tls_client);
  if (!security.certfile.empty()) {
    load_identity(*context, "ctl", security.certfile, security.keyfile, security.keyfile_password);
  }
  context->set_verify_mode(security.verifies_chain() ? ssl::verify_peer : ssl::verify_none);
  if (!security.verifies_chain()) return context;
  if (security.cacert.empty()) {
    boost::system::error_code ignored;  // no system store: then nothing verifies, and says so
    context->set_default_verify_paths(ignored);
  } else {
    attempt("ctl.cacert", security.cacert,
            [&](auto& error) { context->load_verify_file(security.cacert, error); });
  }
  return context;
}

}  // namespace pgherd
