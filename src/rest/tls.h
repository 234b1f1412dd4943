// TLS contexts for both sides of the HTTP API.
#pragma once

#include <boost/asio/ssl/context.hpp>
#include <memory>
#include <string>

#include "model/agent_config.h"

namespace pgherd {

// From restapi.certfile and its companions. Throws std::runtime_error that names the option, the
// file and what is wrong with it. Precondition: certfile is set.
[[nodiscard]] std::shared_ptr<boost::asio::ssl::context> make_server_tls(const RestConfig& config);

// How a client proves itself and whom it trusts.
struct ClientSecurity {
  // Without a client certificate: nobody is verified. With one: the server's chain is verified, its
  // name is not (members never check each other's names).
  bool is_insecure = false;
  std::string cacert;  // "": the system's
  std::string certfile;
  std::string keyfile;  // "": the key is in certfile
  std::string keyfile_password;

  [[nodiscard]] bool verifies_chain() const { return !is_insecure || !certfile.empty(); }
  [[nodiscard]] bool verifies_name() const { return !is_insecure; }
};
// `ctl` with its fallbacks; `is_insecure` as given there.
[[nodiscard]] ClientSecurity client_security(const CtlConfig& ctl, const RestConfig& rest);

// Throws as make_server_tls.
[[nodiscard]] std::shared_ptr<boost::asio::ssl::context> make_client_tls(
    const ClientSecurity& security);

}  // namespace pgherd
