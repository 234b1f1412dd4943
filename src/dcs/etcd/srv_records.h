// SRV records: the etcd members that a domain names in the DNS, under the names that etcd's own
// clients and Patroni look at, in Patroni's order.
//
// Threads: any.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/result.h"

namespace pgherd::etcd {

struct SrvRecord {
  std::string host;
  std::uint16_t port = 0;
  std::uint16_t priority = 0;  // lowest first
  std::uint16_t weight = 0;    // of one priority: heaviest first
};

// Empty: there are no such records. The error: why the name server did not say.
using SrvAnswer = Result<std::vector<SrvRecord>, std::string>;
using AskForSrv = std::function<SrvAnswer(const std::string& name)>;

struct SrvMembers {
  std::vector<std::string> endpoints;  // "host:port", at least one, best first
  bool use_tls = false;                // the name of the records says so
  bool operator==(const SrvMembers&) const = default;
};

// `suffix` as in etcd3.srv_suffix, "": none. The error says which names were asked for.
[[nodiscard]] Result<SrvMembers, std::string> members_by_srv(const std::string& domain,
                                                             const std::string& suffix,
                                                             const AskForSrv& ask);

// Where a name server listens that is asked in the place of those in /etc/resolv.conf. For tests.
struct NameServer {
  std::uint16_t port = 0;  // of 127.0.0.1; 0: those of the system
};

// Asks the system's name servers, each twice for a second at most, and blocks meanwhile.
[[nodiscard]] SrvAnswer ask_name_servers(const std::string& name, NameServer instead = {});

}  // namespace pgherd::etcd
