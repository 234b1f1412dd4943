// The sections `restapi` and `ctl` of the local configuration (Patroni, YAML Configuration).
#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <bit>

#include "codec/config_sections.h"
#include "codec/json_reading.h"
#include "codec/parse_units.h"

namespace pgherd {
namespace {

constexpr std::uint16_t kRestPort = 8008;

// A login of which nothing is left, for a template had no value for it, must not let everybody in.
std::optional<Credentials> read_login(const Section& section) {
  if (!section.exists()) return std::nullopt;
  const std::optional<std::string> password = section.text("password");
  Credentials login{.username = section.required_text("username"),
                    .password = password.value_or("")};
  if (!password) section.refuse_missing("password");
  return login;
}

// The login of the REST API; as one text, "user:password", in files of Patroni's first years.
std::optional<Credentials> read_rest_login(const Section& restapi, ReadingContext context) {
  const YamlNode* login =
      restapi.exists() ? restapi.node()->find("authentication") : nullptr;  // also a null
  if (login != nullptr && login->children.empty() && login->kind != YamlNode::Kind::Scalar) {
    context.warnings.push_back(
        restapi.path_of("authentication") +
        " is empty: requests that change something are taken without a login");
    return std::nullopt;
  }
  if (login != nullptr) return read_login(restapi.section("authentication"));
  const YamlNode* old = restapi.find("auth");
  if (old == nullptr || old->kind != YamlNode::Kind::Scalar)
    return read_login(restapi.section("auth"));
  if (old->text.empty()) return std::nullopt;
  const std::size_t colon = old->text.find(':');
  if (colon == std::string::npos || colon == 0) {
    throw ConfigError(old->origin + ": restapi.auth is a text that is not used; allowed is " +
                      "user:password, or a section authentication in its place");
  }
  return Credentials{.username = old->text.substr(0, colon),
                     .password = old->text.substr(colon + 1)};
}

// Where others reach this node: said, or taken from where it listens.
std::string read_connect_address(const Section& section, const ListenAddress& listen,
                                 std::uint16_t default_port, ReadingContext context) {
  if (const auto said = section.address("connect_address", default_port)) {
    refuse_every_address(section, "connect_address", *said, context);
    return to_string(*said);
  }
  ListenAddress derived = listen;
  derived.host = listen.host.substr(0, listen.host.find(','));
  if (is_every_address(derived.host)) {
    derived.host = "localhost";
    context.warnings.push_back(section.path_of("connect_address") +
                               " is missing and listen names no single host: other members will "
                               "be told localhost, which they cannot reach");
  }
  return to_string(derived);
}

bool is_address(int family, const std::string& text) {
  std::array<unsigned char, sizeof(in6_addr)> bytes{};
  return ::inet_pton(family, text.c_str(), bytes.data()) == 1;
}

// Something with only digits and dots is a mistyped address, no name.
bool is_host_name(std::string_view text) {
  const auto is_letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
  const auto may_stand = [&](char c) {
    return is_letter(c) || (c >= '0' && c <= '9') || c == '.' || c == '-' || c == '_';
  };
  return std::any_of(text.begin(), text.end(), is_letter) &&
         std::all_of(text.begin(), text.end(), may_stand);
}

// 255.255.0.0, and 0.0.255.255 as some write it: 16.
std::optional<int> prefix_length_of_mask(const std::string& mask) {
  in_addr bytes{};
  if (::inet_pton(AF_INET, mask.c_str(), &bytes) != 1) return std::nullopt;
  std::uint32_t bits = ntohl(bytes.s_addr);
  if ((bits & 0x80000000U) == 0 && bits != 0) bits = ~bits;
  const int length = std::countl_one(bits);
  if (length < 32 && (bits << length) != 0) return std::nullopt;
  return length;
}

// A network that is written with a mask, as its readers want it: with the length of its prefix.
std::string with_prefix_length(const std::string& entry) {
  const std::size_t slash = entry.find('/');
  if (slash == std::string::npos || !is_address(AF_INET, entry.substr(0, slash))) return entry;
  const auto length = prefix_length_of_mask(entry.substr(slash + 1));
  return length ? entry.substr(0, slash + 1) + std::to_string(*length) : entry;
}

bool means_clients(const std::string& entry) {
  const std::size_t slash = entry.find('/');
  const std::string address = entry.substr(0, slash);
  const bool is_v4 = is_address(AF_INET, address);
  const bool is_v6 = is_address(AF_INET6, address);
  if (slash == std::string::npos) return is_v4 || is_v6 || is_host_name(entry);
  const std::optional<std::int64_t> length = parse_integer(entry.substr(slash + 1));
  return (is_v4 || is_v6) && length && *length >= 0 && *length <= (is_v4 ? 32 : 128);
}

std::vector<std::string> read_allowlist(const Section& restapi, ReadingContext context) {
  std::vector<std::string> entries = restapi.comma_list("allowlist");
  for (std::string& entry : entries) {
    entry = with_prefix_length(entry);
    if (!means_clients(entry)) {
      restapi.refuse("allowlist", "networks (10.0.0.0/8, fd00::/8), addresses and host names; '" +
                                      entry + "' is none of them");
    }
  }
  if (entries.empty() && restapi.has("allowlist")) {
    context.warnings.push_back(
        restapi.path_of("allowlist") +
        " is empty: requests that change something are taken from everywhere");
  }
  return entries;
}

// They go out as they are: what is no header would end the answer early or speak for another one.
std::map<std::string, std::string> read_headers(const Section& restapi, std::string_view key) {
  std::map<std::string, std::string> headers = restapi.text_map(key);
  for (const auto& [name, value] : headers) {
    const bool is_name = !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
      return c > ' ' && c < '\x7f' &&
             std::string_view("()<>@,;:\\\"/[]?={}").find(c) == std::string_view::npos;
    });
    if (!is_name) {
      restapi.refuse(key, "a map of names and texts; '" + name + "' cannot be a header's name");
    }
    const bool is_one_line = std::none_of(value.begin(), value.end(), [](char c) {
      return c != '\t' && (static_cast<unsigned char>(c) < ' ' || c == '\x7f');
    });
    if (!is_one_line) {
      restapi.refuse(key, "a map of names and texts; that of '" + name + "' is not one line");
    }
  }
  return headers;
}

// In any case of letters, and a boolean that says no, as Patroni.
std::string read_verify_client(const Section& restapi) {
  std::string word = in_lower_case(restapi.text_or("verify_client", "none"));
  if (word == "none" || word == "optional" || word == "required") return word;
  if (parse_bool(word) == false) return "none";
  restapi.refuse("verify_client", "one of none, optional, required");
}

void warn_of_tls_keys_without_tls(const Section& restapi, ReadingContext context) {
  if (restapi.has("certfile")) return;
  std::string list;
  for (const char* key : {"keyfile", "keyfile_password", "ciphers", "https_extra_headers"}) {
    if (restapi.has(key)) list.append(list.empty() ? "" : ", ").append(restapi.path_of(key));
  }
  if (read_verify_client(restapi) != "none") {
    list.append(list.empty() ? "" : ", ").append(restapi.path_of("verify_client"));
  }
  if (list.empty()) return;
  context.warnings.push_back(list + " without effect: restapi.certfile is missing, so the REST " +
                             "API speaks HTTP without TLS");
}

// As Patroni: whatever else stands there is warned of, and means the usual header.
bool read_server_tokens(const Section& restapi, ReadingContext context) {
  const std::string said = restapi.text_or("server_tokens", "original");
  const std::string word = in_lower_case(said);
  if (word != "original" && word != "productonly" && word != "minimal") {
    context.warnings.push_back(restapi.path_of("server_tokens") + " is '" + said +
                               "'; allowed are original, productonly and minimal. The header "
                               "Server stays as it is without it");
  }
  return word == "minimal";
}

}  // namespace

RestConfig read_restapi(const Section& restapi, ReadingContext context) {
  RestConfig config;
  const auto listen = restapi.address("listen", kRestPort);
  if (!listen && context.use == ConfigUse::Agent) restapi.refuse_missing("listen");
  if (listen) {
    config.listen = *listen;
    config.connect_address = read_connect_address(restapi, *listen, kRestPort, context);
  }
  config.authentication = read_rest_login(restapi, context);
  config.certfile = restapi.text_or("certfile", "");
  config.keyfile = restapi.text_or("keyfile", "");
  config.cafile = restapi.text_or("cafile", "");
  config.keyfile_password = restapi.text_or("keyfile_password", "");
  config.ciphers = restapi.text_or("ciphers", "");
  config.verify_client = read_verify_client(restapi);
  config.allowlist = read_allowlist(restapi, context);
  config.allowlist_include_members = restapi.flag("allowlist_include_members").value_or(false);
  config.http_extra_headers = read_headers(restapi, "http_extra_headers");
  config.https_extra_headers = read_headers(restapi, "https_extra_headers");
  config.request_queue_size =
      static_cast<int>(restapi.integer_or("request_queue_size", config.request_queue_size));
  config.names_its_version = read_server_tokens(restapi, context);
  warn_of_tls_keys_without_tls(restapi, context);
  if (config.verify_client == "required" && config.cafile.empty()) {
    restapi.refuse("verify_client", "required only beside restapi.cafile");
  }
  return config;
}

CtlConfig read_ctl(const Section& ctl, const RestConfig& restapi) {
  CtlConfig config;
  const Section login = ctl.section("authentication");
  if (login.has("username") || login.has("password")) config.authentication = read_login(login);
  if (!config.authentication) config.authentication = restapi.authentication;
  config.insecure = ctl.flag("insecure").value_or(false);
  config.has_classic_table = ctl.one_of("table", "wide") == "classic";
  config.cacert = ctl.text_or("cacert", restapi.cafile);
  config.certfile = ctl.text_or("certfile", "");
  config.keyfile = ctl.text_or("keyfile", "");
  config.keyfile_password = ctl.text_or("keyfile_password", "");
  return config;
}

}  // namespace pgherd
