#include "rest/tls.h"

#include <gtest/gtest.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>

#include "rest/an_api.h"
#include "rest/tls_trouble.h"

namespace pgherd::test {
namespace {

// A throw-away authority and certificates of it, as PEM files (certificate and key in one).
class Authority {
 public:
  explicit Authority(const std::string& name = "authority") {
    std::string pattern = std::filesystem::temp_directory_path() / "pgherd-tls-XXXXXX";
    folder_ = ::mkdtemp(pattern.data());
    key_ = EVP_EC_gen("P-256");
    certificate_ = make(name, key_, "CA:TRUE", "");
    write(ca_file(), certificate_, nullptr);
  }
  ~Authority() {
    X509_free(certificate_);
    EVP_PKEY_free(key_);
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }
  Authority(const Authority&) = delete;
  Authority& operator=(const Authority&) = delete;

  [[nodiscard]] std::string ca_file() const { return folder_ + "/ca.pem"; }
  // `names`: "IP:127.0.0.1", "DNS:db.example"
  std::string issue(const std::string& name, const std::string& names, long seconds_left = 3600) {
    EVP_PKEY* key = EVP_EC_gen("P-256");
    X509* certificate = make(name, key, "CA:FALSE", names, seconds_left);
    const std::string file = folder_ + "/" + name + ".pem";
    write(file, certificate, key);
    X509_free(certificate);
    EVP_PKEY_free(key);
    return file;
  }

 private:
  X509* make(const std::string& name, EVP_PKEY* key, const char* constraints,
             const std::string& names, long seconds_left = 3600) {
    X509* certificate = X509_new();
    X509_set_version(certificate, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), ++serial_);
    X509_gmtime_adj(X509_getm_notBefore(certificate), -3600);
    X509_gmtime_adj(X509_getm_notAfter(certificate), seconds_left);
    X509_set_pubkey(certificate, key);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), "CN", MBSTRING_ASC,
                               reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1, 0);
    X509* issuer = certificate_ == nullptr ? certificate : certificate_;
    X509_set_issuer_name(certificate, X509_get_subject_name(issuer));
    extend(certificate, NID_basic_constraints, constraints);
    if (!names.empty()) extend(certificate, NID_subject_alt_name, names.c_str());
    X509_sign(certificate, key_, EVP_sha256());
    return certificate;
  }
  static void extend(X509* certificate, int kind, const char* value) {
    X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, nullptr, kind, value);
    X509_add_ext(certificate, extension, -1);
    X509_EXTENSION_free(extension);
  }
  static void write(const std::string& path, X509* certificate, EVP_PKEY* key) {
    std::FILE* file = std::fopen(path.c_str(), "w");
    ASSERT_NE(file, nullptr);
    PEM_write_X509(file, certificate);
    if (key != nullptr) PEM_write_PrivateKey(file, key, nullptr, nullptr, 0, nullptr, nullptr);
    std::fclose(file);
  }

  std::string folder_;
  EVP_PKEY* key_ = nullptr;
  X509* certificate_ = nullptr;
  long serial_ = 0;
};

class TlsApi : public testing::Test {
 protected:
  RestConfig config(const std::string& verify_client = "none") {
    RestConfig made;
    made.certfile = authority.issue("server", "IP:127.0.0.1");
    made.cafile = authority.ca_file();
    made.verify_client = verify_client;
    return made;
  }
  // The status, or the text of the error.
  static std::string ask(Api& api, const ClientSecurity& security, const std::string& method,
                         const std::string& path, const std::string& host = "127.0.0.1") {
    const HttpClient client(api.loop.get_executor(), security);
    HttpRequest request;
    request.method = method;
    request.url = "https://" + host + ":" + std::to_string(api.server.port()) + path;
    std::optional<Result<HttpAnswer, HttpError>> answer;
    client.send(std::move(request), [&](auto got) { answer = std::move(got); });
    api.run_until([&] { return answer.has_value(); });
    return *answer ? std::to_string((**answer).status) : answer->error().text;
  }
  ClientSecurity trusting() const {
    ClientSecurity security;
    security.cacert = authority.ca_file();
    return security;
  }
  ClientSecurity certified() {
    ClientSecurity security = trusting();
    security.certfile = authority.issue("client", "");
    return security;
  }
  Authority authority;
};

TEST_F(TlsApi, ServesThoseWhoTrustItsAuthority) {
  Api api(config());
  EXPECT_EQ(ask(api, trusting(), "GET", "/primary"), "200");
  ClientSecurity insecure;
  insecure.is_insecure = true;
  EXPECT_EQ(ask(api, insecure, "GET", "/primary"), "200");
}

TEST_F(TlsApi, IsNotTrustedByOthers) {
  Api api(config());
  EXPECT_NE(ask(api, ClientSecurity{}, "GET", "/primary").find("TLS handshake failed"),
            std::string::npos);
  EXPECT_NE(ask(api, trusting(), "GET", "/primary", "localhost").find("TLS handshake failed"),
            std::string::npos)
      << "the certificate is for another name";
  ClientSecurity nameless = certified();
  nameless.is_insecure = true;
  EXPECT_EQ(ask(api, nameless, "GET", "/primary", "localhost"), "200");
}

TEST_F(TlsApi, WantsACertificateForChangesWhenItIsOptional) {
  Api api(config("optional"));
  EXPECT_EQ(ask(api, trusting(), "GET", "/primary"), "200");
  EXPECT_EQ(ask(api, trusting(), "POST", "/reload"), "403");
  EXPECT_EQ(ask(api, certified(), "POST", "/reload"), "202");
}

TEST_F(TlsApi, WantsACertificateForEverythingWhenItIsRequired) {
  Api api(config("required"));
  EXPECT_EQ(ask(api, certified(), "GET", "/primary"), "200");
  EXPECT_NE(ask(api, trusting(), "GET", "/primary"), "200");
}

testing::AssertionResult says(const std::string& text, const std::string& words) {
  if (text.find(words) != std::string::npos) return testing::AssertionSuccess();
  return testing::AssertionFailure() << "\"" << words << "\" is not in: " << text;
}

TEST_F(TlsApi, ItsClientsHearWhatIsWrongWithTheirCertificate) {
  Api api(config("optional"));
  ClientSecurity ended = trusting();
  ended.certfile = authority.issue("ended", "", -60);
  const std::string expired = ask(api, ended, "POST", "/reload");
  EXPECT_TRUE(says(expired, "does not take our certificate " + ended.certfile +
                                " (ctl.certfile): it has expired"));
  Authority other("other");
  ClientSecurity foreign = trusting();
  foreign.certfile = other.issue("foreign", "");
  EXPECT_TRUE(says(ask(api, foreign, "GET", "/primary"), "who signed it is not trusted there"));
  Authority namesake;
  foreign.certfile = namesake.issue("foreign", "");
  EXPECT_TRUE(says(ask(api, foreign, "GET", "/primary"), "its signature does not verify"));
  Api strict(config("required"));
  EXPECT_TRUE(says(ask(strict, trusting(), "GET", "/primary"),
                   "wants a client certificate: set ctl.certfile"));
}

TEST_F(TlsApi, ItsClientsSayWhatIsWrongWithItsCertificate) {
  RestConfig ended = config();
  ended.certfile = authority.issue("ended", "IP:127.0.0.1", -60);
  Api late(ended);
  const std::string expired = ask(late, trusting(), "GET", "/primary");
  EXPECT_TRUE(says(expired, "certificate \"CN = ended\" of \"CN = authority\", good from "));
  EXPECT_TRUE(says(expired, "certificate has expired; who may sign says ctl.cacert"));
  ClientSecurity insecure;
  insecure.is_insecure = true;
  EXPECT_EQ(ask(late, insecure, "GET", "/primary"), "200");
  Api api(config());
  EXPECT_TRUE(
      says(ask(api, trusting(), "GET", "/primary", "localhost"), "it is not for \"localhost\""));
}

TEST(RepeatedLines, AreToldOnceAMinute) {
  RepeatedLines lines;
  const RepeatedLines::Clock::time_point start{};
  EXPECT_TRUE(lines.is_due("a", start));
  EXPECT_FALSE(lines.is_due("a", start + 59s));
  EXPECT_TRUE(lines.is_due("b", start + 59s));
  EXPECT_TRUE(lines.is_due("a", start + 60s));
}

TEST(RepeatedLines, AreNotRememberedWithoutEnd) {
  RepeatedLines lines;
  const RepeatedLines::Clock::time_point start{};
  int told = 0;
  for (int number = 0; number < 10000; ++number) {
    if (lines.is_due(std::to_string(number), start)) ++told;
  }
  EXPECT_LT(told, 1000);
  EXPECT_TRUE(lines.is_due("new", start + 60s));
}

TEST_F(TlsApi, TakesARenewedCertificateOnReload) {
  const RestConfig made = config();
  Api api(made);
  authority.issue("server", "DNS:localhost");
  api.server.reconfigure(Api::on_loopback(made));
  EXPECT_EQ(ask(api, trusting(), "GET", "/primary", "localhost"), "200");
}

TEST_F(TlsApi, IsNotHeldUpByWhoeverNeverShakesHands) {
  RestLimits limits;
  limits.silence_max = 20ms;
  Api api(config(), limits);
  RawClient silent(api.loop, api.server.port());
  EXPECT_EQ(silent.hear_all(), "");
  RawClient plain(api.loop, api.server.port());
  plain.say("GET / HTTP/1.1\r\n\r\n");
  static_cast<void>(plain.hear_all());
  EXPECT_EQ(api.server.connection_count(), 0U);
}

}  // namespace
}  // namespace pgherd::test
