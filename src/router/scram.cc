#include "router/scram.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

#include <charconv>
#include <stdexcept>

namespace pgherd::router {
namespace {

constexpr std::size_t kKeySize = 32;
constexpr std::size_t kMd5Digits = 32;
// Of PostgreSQL's 4096 by default; each costs half a microsecond of the loop.
constexpr int kIterationsMax = 1'000'000;

const unsigned char* bytes_of(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}
unsigned char* bytes_of(std::string& text) {
  return reinterpret_cast<unsigned char*>(text.data());
}

std::string digest(const EVP_MD* kind, std::string_view text) {
  std::string result(static_cast<std::size_t>(EVP_MD_get_size(kind)), '\0');
  if (EVP_Digest(text.data(), text.size(), bytes_of(result), nullptr, kind, nullptr) != 1) {
    throw std::runtime_error("OpenSSL computes no digest here (FIPS mode has no md5)");
  }
  return result;
}

std::string sha256(std::string_view text) {
  return digest(EVP_sha256(), text);
}

std::string hmac(std::string_view key, std::string_view text) {
  std::string result(kKeySize, '\0');
  unsigned size = 0;
  HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), bytes_of(text), text.size(),
       bytes_of(result), &size);
  return result;
}

std::string md5_digits(std::string_view text) {
  constexpr const char* kHex = "0123456789abcdef";
  std::string digits;
  for (const char byte : digest(EVP_md5(), text)) {
    digits += kHex[(static_cast<unsigned char>(byte) >> 4U) & 0xFU];
    digits += kHex[static_cast<unsigned char>(byte) & 0xFU];
  }
  return digits;
}

std::string to_base64(std::string_view text) {
  std::string result(4 * ((text.size() + 2) / 3) + 1, '\0');
  const int size = EVP_EncodeBlock(bytes_of(result), bytes_of(text), static_cast<int>(text.size()));
  result.resize(static_cast<std::size_t>(size));
  return result;
}

std::optional<std::string> from_base64(std::string_view text) {
  if (text.empty() || text.size() % 4 != 0 || text.size() > 4096) return std::nullopt;
  std::string result(text.size() / 4 * 3, '\0');
  if (EVP_DecodeBlock(bytes_of(result), bytes_of(text), static_cast<int>(text.size())) < 0) {
    return std::nullopt;
  }
  for (std::size_t end = text.size(); end > 0 && text[end - 1] == '='; --end)
    if (!result.empty()) result.pop_back();
  return result;
}

bool is_same(std::string_view one, std::string_view other) {
  return one.size() == other.size() && CRYPTO_memcmp(one.data(), other.data(), one.size()) == 0;
}

std::string exclusive_or(std::string one, std::string_view other) {
  for (std::size_t i = 0; i < one.size() && i < other.size(); ++i)
    one[i] = static_cast<char>(one[i] ^ other[i]);
  return one;
}

std::optional<int> read_iterations(std::string_view text) {
  int number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  if (number < 1 || number > kIterationsMax) return std::nullopt;
  return number;
}

// "SCRAM-SHA-256$<iterations>:<salt>$<StoredKey>:<ServerKey>"
std::optional<Verifier> read_scram_verifier(std::string_view text) {
  const auto colon = text.find(':');
  const auto dollar = text.find('$');
  const auto last = text.rfind(':');
  if (colon == std::string_view::npos || dollar == std::string_view::npos || colon > dollar ||
      last < dollar) {
    return std::nullopt;
  }
  const auto iterations = read_iterations(text.substr(0, colon));
  auto salt = from_base64(text.substr(colon + 1, dollar - colon - 1));
  auto stored = from_base64(text.substr(dollar + 1, last - dollar - 1));
  auto server = from_base64(text.substr(last + 1));
  if (!iterations || !salt || !stored || !server) return std::nullopt;
  if (stored->size() != kKeySize || server->size() != kKeySize) return std::nullopt;
  return ScramVerifier{.iterations = *iterations,
                       .salt = std::move(*salt),
                       .stored_key = std::move(*stored),
                       .server_key = std::move(*server)};
}

// "r=...,s=...,i=..."
struct ServerFirst {
  std::string nonce;
  std::string salt;
  int iterations = 0;
};

std::optional<ServerFirst> read_server_first(std::string_view text) {
  const auto salt_at = text.find(",s=");
  const auto iterations_at = text.find(",i=");
  if (!text.starts_with("r=") || salt_at == std::string_view::npos ||
      iterations_at == std::string_view::npos || iterations_at < salt_at) {
    return std::nullopt;
  }
  auto salt = from_base64(text.substr(salt_at + 3, iterations_at - salt_at - 3));
  const auto iterations = read_iterations(text.substr(iterations_at + 3));
  if (!salt || !iterations) return std::nullopt;
  return ServerFirst{.nonce = std::string(text.substr(2, salt_at - 2)),
                     .salt = std::move(*salt),
                     .iterations = *iterations};
}

std::optional<ScramKeys> keys_of(const std::string& password, const ServerFirst& first) {
  std::string salted(kKeySize, '\0');
  if (PKCS5_PBKDF2_HMAC(password.data(), static_cast<int>(password.size()), bytes_of(first.salt),
                        static_cast<int>(first.salt.size()), first.iterations, EVP_sha256(),
                        kKeySize, bytes_of(salted)) != 1) {
    return std::nullopt;
  }
  ScramKeys keys;
  keys.client_key = hmac(salted, "Client Key");
  keys.stored_key = sha256(keys.client_key);
  keys.server_key = hmac(salted, "Server Key");
  return keys;
}

}  // namespace

std::optional<Verifier> read_verifier(std::string_view text) {
  constexpr std::string_view kScram = "SCRAM-SHA-256$";
  if (text.starts_with(kScram)) return read_scram_verifier(text.substr(kScram.size()));
  if (text.starts_with("md5") && text.size() == 3 + kMd5Digits) {
    return Md5Verifier{.digits = std::string(text.substr(3))};
  }
  return std::nullopt;
}

std::optional<Secret> secret_of(const pgwire::LoginTranscript& login, const Verifier& verifier) {
  using Method = pgwire::LoginTranscript::Method;
  if (login.method() == Method::None) return NoSecret{};
  if (const auto* scram = std::get_if<ScramVerifier>(&verifier);
      scram != nullptr && login.method() == Method::Scram) {
    const auto& said = login.scram();
    const auto proof = from_base64(said.proof);
    if (!proof || proof->size() != kKeySize) return std::nullopt;
    const std::string message =
        said.client_first_bare + "," + said.server_first + "," + said.client_final_without_proof;
    std::string key = exclusive_or(*proof, hmac(scram->stored_key, message));
    if (!is_same(sha256(key), scram->stored_key)) return std::nullopt;
    return ScramKeys{.client_key = std::move(key),
                     .stored_key = scram->stored_key,
                     .server_key = scram->server_key};
  }
  if (const auto* md5 = std::get_if<Md5Verifier>(&verifier);
      md5 != nullptr && login.method() == Method::Md5) {
    const auto& said = login.md5();
    if (!is_same(said.response, "md5" + md5_digits(md5->digits + said.salt))) return std::nullopt;
    return Md5Digits{.digits = md5->digits};
  }
  return std::nullopt;
}

ScramClient::ScramClient(Secret secret, std::string nonce)
    : secret_(std::move(secret)), nonce_(std::move(nonce)) {}

std::optional<std::string> ScramClient::final_for(std::string_view server_first) {
  const auto first = read_server_first(server_first);
  // A nonce that does not begin with ours is somebody else's answer.
  if (!first || !first->nonce.starts_with(nonce_) || first->nonce.size() == nonce_.size()) {
    return std::nullopt;
  }
  if (const auto* password = std::get_if<Password>(&secret_)) {
    const auto made = keys_of(password->text, *first);
    if (!made) return std::nullopt;
    secret_ = *made;
  }
  const auto* keys = std::get_if<ScramKeys>(&secret_);
  if (keys == nullptr) return std::nullopt;
  const std::string without_proof = "c=biws,r=" + first->nonce;
  const std::string message = first_bare() + "," + std::string(server_first) + "," + without_proof;
  server_signature_ = to_base64(hmac(keys->server_key, message));
  return without_proof +
         ",p=" + to_base64(exclusive_or(keys->client_key, hmac(keys->stored_key, message)));
}

bool ScramClient::is_server_right(std::string_view server_final) const {
  return !server_signature_.empty() && is_same(server_final, "v=" + server_signature_);
}

std::optional<std::string> md5_response(const Secret& secret, const std::string& user,
                                        std::string_view salt) {
  std::string digits;
  if (const auto* password = std::get_if<Password>(&secret)) {
    digits = md5_digits(password->text + user);
  } else if (const auto* known = std::get_if<Md5Digits>(&secret)) {
    digits = known->digits;
  } else {
    return std::nullopt;
  }
  return "md5" + md5_digits(digits + std::string(salt));
}

std::string new_nonce() {
  std::string bytes(18, '\0');
  if (RAND_bytes(bytes_of(bytes), static_cast<int>(bytes.size())) != 1) {
    throw std::runtime_error("the system gives no random bytes");
  }
  return to_base64(bytes);
}

}  // namespace pgherd::router
