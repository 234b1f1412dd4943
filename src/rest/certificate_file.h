// Until when certificates in a file are good. Reads only what is public in it; a private key beside
// them is passed over.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"

namespace pgherd {

enum class CertificateKind {
  Shown,  // what we prove ourselves by, with what is between it and the authority: all of it counts
  Trusted,  // authorities: one of them is enough
};

// Seconds since 1970 at which the file has come to its end: of certificates that are shown the
// first of their ends, of those that are trusted the last. Fails, with the path and what is wrong,
// when the file cannot be read or holds no certificate in PEM. Blocks as reading a file does.
[[nodiscard]] Result<std::int64_t, std::string> certificate_end(const std::string& path,
                                                                CertificateKind kind);

}  // namespace pgherd
