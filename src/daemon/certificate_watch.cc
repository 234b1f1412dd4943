#include "daemon/certificate_watch.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <boost/asio/post.hpp>
#include <iterator>
#include <optional>
#include <utility>

#include "rest/prometheus_text.h"
#include "runtime/log.h"

namespace pgherd {
namespace {

constexpr Duration kLookEvery = 15s;

// By which a file is told from what it was: a renewal replaces it, or writes it anew.
struct Stamp {
  std::int64_t device = 0;
  std::int64_t inode = 0;
  std::int64_t size = 0;
  std::int64_t changed_ns = 0;
  bool operator==(const Stamp&) const = default;
};

Stamp stamp_of(const std::string& path) {
  struct stat status{};
  if (::stat(path.c_str(), &status) != 0) return {};
  return {
      .device = static_cast<std::int64_t>(status.st_dev),
      .inode = static_cast<std::int64_t>(status.st_ino),
      .size = status.st_size,
      .changed_ns = std::int64_t{status.st_ctim.tv_sec} * 1'000'000'000 + status.st_ctim.tv_nsec};
}

struct Known {
  Stamp stamp;
  std::int64_t end = 0;  // 0: cannot be read
  std::string problem;
};
using KnownFiles = std::map<WatchedCertificate, Known>;

// Blocks. What has not changed is taken from `known`.
KnownFiles look(const std::vector<WatchedCertificate>& files, const KnownFiles& known) {
  KnownFiles seen;
  for (const WatchedCertificate& file : files) {
    // Taken before the file is read: what changes meanwhile is read once more.
    const Stamp stamp = stamp_of(file.path);
    const auto before = known.find(file);
    if (before != known.end() && before->second.stamp == stamp && before->second.problem.empty()) {
      seen.emplace(*before);
      continue;
    }
    const auto end = certificate_end(file.path, file.kind);
    seen.emplace(
        file,
        Known{.stamp = stamp, .end = end ? *end : 0, .problem = end ? std::string() : end.error()});
  }
  return seen;
}

void add(std::vector<WatchedCertificate>& files, std::string use, const std::string& path,
         CertificateKind kind = CertificateKind::Shown) {
  if (!path.empty()) files.push_back({.use = std::move(use), .path = path, .kind = kind});
}

void add_login(std::vector<WatchedCertificate>& files, const std::string& use,
               const Credentials& login) {
  const auto option = [&](const char* name) {
    const auto found = login.options.find(name);
    // libpq's word for the authorities of the system, which are no file of ours.
    return found == login.options.end() || found->second == "system" ? std::string()
                                                                     : found->second;
  };
  add(files, use, option("sslcert"));
  add(files, use + "_ca", option("sslrootcert"), CertificateKind::Trusted);
}

}  // namespace

std::vector<WatchedCertificate> certificates_of(const AgentConfig& config,
                                                const ServerCertificates& server) {
  std::vector<WatchedCertificate> files;
  add(files, "restapi", config.restapi.certfile);
  add(files, "restapi_ca", config.restapi.cafile, CertificateKind::Trusted);
  add(files, "ctl", config.ctl.certfile);
  add(files, "ctl_ca", config.ctl.cacert, CertificateKind::Trusted);
  if (config.etcd.use_tls) {
    add(files, "etcd", config.etcd.cert);
    add(files, "etcd_ca", config.etcd.cacert, CertificateKind::Trusted);
  }
  add_login(files, "superuser", config.postgresql.superuser);
  add_login(files, "replication", config.postgresql.replication);
  if (config.postgresql.rewind) add_login(files, "rewind", *config.postgresql.rewind);
  add(files, "postgresql", server.cert_file);
  add(files, "postgresql_ca", server.ca_file, CertificateKind::Trusted);
  return files;
}

class CertificateWatch::Impl : public std::enable_shared_from_this<Impl> {
 public:
  Impl(boost::asio::any_io_executor loop, boost::asio::thread_pool& disk, Clock& clock)
      : loop_(std::move(loop)), disk_(disk), clock_(clock) {}

  void watch(std::vector<WatchedCertificate> files) {
    files_ = std::move(files);
    std::erase_if(known_, [&](const auto& one) {
      return std::find(files_.begin(), files_.end(), one.first) == files_.end();
    });
    // What is known is shown until it has been read again.
    reads_anew_ = true;
    ++generation_;
    look_now();
  }

  // No look is asked for while one is under way: a disk that hangs does not pile them up.
  void look_now() {
    again_.reset();
    if (is_looking_ || files_.empty()) return;
    is_looking_ = true;
    KnownFiles known = std::exchange(reads_anew_, false) ? KnownFiles{} : known_;
    boost::asio::post(disk_, [weak = weak_from_this(), loop = loop_, files = files_,
                              known = std::move(known), generation = generation_] {
      KnownFiles seen = look(files, known);
      boost::asio::post(loop, [weak, seen = std::move(seen), generation]() mutable {
        if (const auto self = weak.lock()) self->take(std::move(seen), generation);
      });
    });
  }

  [[nodiscard]] std::string metrics(const std::string& labels) const {
    if (known_.empty()) return {};
    std::string text =
        "# HELP pgherd_certificate_expiry_timestamp_seconds When the certificates in a file end, "
        "epoch "
        "seconds; 0 if it cannot be read.\n"
        "# TYPE pgherd_certificate_expiry_timestamp_seconds gauge\n";
    for (const auto& [file, known] : known_) {
      fmt::format_to(std::back_inserter(text),
                     "pgherd_certificate_expiry_timestamp_seconds{{{},use=\"{}\",file={}}} {}\n",
                     labels, file.use, quoted_label(file.path), known.end);
    }
    return text;
  }

 private:
  void take(KnownFiles seen, std::uint64_t generation) {
    is_looking_ = false;
    if (generation != generation_) return look_now();
    for (const auto& [file, known] : seen) {
      const auto before = known_.find(file);
      const bool is_news = before == known_.end() || before->second.problem != known.problem;
      if (!known.problem.empty() && is_news)
        log_warning("the end of the certificate for {} cannot be told: {}", file.use,
                    known.problem);
    }
    known_ = std::move(seen);
    again_ = clock_.at(clock_.now() + kLookEvery, [this] { look_now(); });
  }

  boost::asio::any_io_executor loop_;
  boost::asio::thread_pool& disk_;
  Clock& clock_;
  std::vector<WatchedCertificate> files_;
  KnownFiles known_;
  std::uint64_t generation_ = 0;
  bool is_looking_ = false;
  bool reads_anew_ = false;
  std::unique_ptr<Alarm> again_;
};

CertificateWatch::CertificateWatch(boost::asio::any_io_executor loop,
                                   boost::asio::thread_pool& disk, Clock& clock)
    : impl_(std::make_shared<Impl>(std::move(loop), disk, clock)) {}

CertificateWatch::~CertificateWatch() = default;

void CertificateWatch::watch(std::vector<WatchedCertificate> files) {
  impl_->watch(std::move(files));
}

std::string CertificateWatch::metrics(const std::string& labels) const {
  return impl_->metrics(labels);
}

}  // namespace pgherd
