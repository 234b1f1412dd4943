// CertificateWatch: until when the certificates are good that the agent and its PostgreSQL go by,
// for /metrics. A file is read when it is named anew and when it has changed; whether it has is
// looked at in the disk's thread every few seconds, so that neither a scrape nor the agent's loop
// ever waits for a file.
//
// Threads: everything on the owner's loop; looks are made in `disk`. Whatever is under way when
// this is destroyed has no effect.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/thread_pool.hpp>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "model/agent_config.h"
#include "postgres/local/act_context.h"
#include "rest/certificate_file.h"

namespace pgherd {

struct WatchedCertificate {
  std::string use;  // restapi, restapi_ca, ctl, ctl_ca, etcd, etcd_ca, postgresql, ...
  std::string path;
  CertificateKind kind = CertificateKind::Shown;
  auto operator<=>(const WatchedCertificate&) const = default;
};

// What the configuration names; of the server's own, what PostgreSQL says.
[[nodiscard]] std::vector<WatchedCertificate> certificates_of(const AgentConfig& config,
                                                              const ServerCertificates& server);

class CertificateWatch {
 public:
  // `clock` and `disk` outlive this.
  CertificateWatch(boost::asio::any_io_executor loop, boost::asio::thread_pool& disk, Clock& clock);
  ~CertificateWatch();
  CertificateWatch(const CertificateWatch&) = delete;
  CertificateWatch& operator=(const CertificateWatch&) = delete;

  // These from now on; they are looked at at once, also where they are the same.
  void watch(std::vector<WatchedCertificate> files);

  // Finished lines, "" while there is no certificate. 0 stands for a file that cannot be read.
  [[nodiscard]] std::string metrics(const std::string& labels) const;

 private:
  class Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace pgherd
