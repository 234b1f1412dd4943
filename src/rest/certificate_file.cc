#include "rest/certificate_file.h"

#include <openssl/asn1.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <algorithm>
#include <ctime>
#include <memory>
#include <optional>

#include "runtime/files.h"

namespace pgherd {
namespace {

using Certificate = std::unique_ptr<X509, decltype(&X509_free)>;

std::optional<std::int64_t> end_of(const X509& certificate) {
  std::tm parts{};
  if (ASN1_TIME_to_tm(X509_get0_notAfter(&certificate), &parts) != 1) return std::nullopt;
  return ::timegm(&parts);
}

}  // namespace

Result<std::int64_t, std::string> certificate_end(const std::string& path, CertificateKind kind) {
  const auto text = read_file(path);
  if (!text) return fail(text.error().text);
  const std::unique_ptr<BIO, decltype(&BIO_free)> source(
      BIO_new_mem_buf(text->data(), static_cast<int>(text->size())), BIO_free);
  std::optional<std::int64_t> end;
  for (;;) {
    const Certificate one(PEM_read_bio_X509(source.get(), nullptr, nullptr, nullptr), X509_free);
    if (!one) break;
    const auto its_end = end_of(*one);
    if (!its_end) continue;
    if (!end) end = its_end;
    end = kind == CertificateKind::Shown ? std::min(*end, *its_end) : std::max(*end, *its_end);
  }
  ERR_clear_error();  // that there is no further one; else the next user of this thread finds it
  if (!end) return fail(path + " holds no certificate in PEM");
  return *end;
}

}  // namespace pgherd
