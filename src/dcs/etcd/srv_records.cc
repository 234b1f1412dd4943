#include "dcs/etcd/srv_records.h"

#include <arpa/inet.h>
#include <arpa/nameser.h>
#include <netdb.h>
#include <netinet/in.h>
#include <resolv.h>

#include <algorithm>
#include <array>
#include <memory>
#include <optional>
#include <tuple>

namespace pgherd::etcd {

namespace {

struct Service {
  const char* name;
  bool use_tls;
};
constexpr std::array<Service, 4> kOfClients{
    {{"_etcd-client-ssl", true}, {"_etcd-client", false}, {"_etcd-ssl", true}, {"_etcd", false}}};
// What members look one another up by: the ports in it are none for clients.
constexpr std::array<const char*, 2> kOfMembers{"_etcd-server-ssl", "_etcd-server"};

std::string name_of(const std::string& service, const std::string& suffix,
                    const std::string& domain) {
  return service + (suffix.empty() ? "" : "-" + suffix) + "._tcp." + domain;
}

std::vector<std::string> endpoints_of(std::vector<SrvRecord> records) {
  std::stable_sort(records.begin(), records.end(), [](const auto& one, const auto& other) {
    return std::tuple(one.priority, -one.weight) < std::tuple(other.priority, -other.weight);
  });
  std::vector<std::string> endpoints;
  for (const SrvRecord& record : records) {
    const std::string endpoint = record.host + ":" + std::to_string(record.port);
    if (std::find(endpoints.begin(), endpoints.end(), endpoint) == endpoints.end())
      endpoints.push_back(endpoint);
  }
  return endpoints;
}

// priority, weight, port (two bytes each), target
std::optional<SrvRecord> record_of(ns_msg& message, ns_rr& resource) {
  constexpr int kFixedPart = 6;
  if (ns_rr_type(resource) != ns_t_srv || ns_rr_rdlen(resource) <= kFixedPart) return std::nullopt;
  const unsigned char* data = ns_rr_rdata(resource);
  std::array<char, NS_MAXDNAME> target{};
  if (ns_name_uncompress(ns_msg_base(message), ns_msg_end(message), data + kFixedPart,
                         target.data(), target.size()) < 0)
    return std::nullopt;
  SrvRecord record{.host = target.data(),
                   .port = static_cast<std::uint16_t>(ns_get16(data + 4)),
                   .priority = static_cast<std::uint16_t>(ns_get16(data)),
                   .weight = static_cast<std::uint16_t>(ns_get16(data + 2))};
  // A target of "." says that the service is not offered there.
  if (record.host.empty() || record.host == "." || record.port == 0) return std::nullopt;
  return record;
}

SrvAnswer records_in(const unsigned char* answer, int length) {
  ns_msg message{};
  if (ns_initparse(answer, length, &message) != 0)
    return fail(std::string("its answer is malformed"));
  std::vector<SrvRecord> records;
  for (int i = 0; i < ns_msg_count(message, ns_s_an); ++i) {
    ns_rr resource{};
    if (ns_parserr(&message, ns_s_an, i, &resource) != 0)
      return fail(std::string("its answer is malformed"));
    if (auto record = record_of(message, resource)) records.push_back(std::move(*record));
  }
  return records;
}

void ask_instead(res_state resolver, NameServer server) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(server.port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  resolver->nsaddr_list[0] = address;
  resolver->nscount = 1;
}

}  // namespace

Result<SrvMembers, std::string> members_by_srv(const std::string& domain, const std::string& suffix,
                                               const AskForSrv& ask) {
  std::string problem;
  for (const auto& [service, use_tls] : kOfClients) {
    const std::string name = name_of(service, suffix, domain);
    const SrvAnswer records = ask(name);
    // One that is silent about this name is not asked for three more.
    if (!records) return fail("the name server was asked for " + name + ": " + records.error());
    if (auto endpoints = endpoints_of(*records); !endpoints.empty())
      return SrvMembers{.endpoints = std::move(endpoints), .use_tls = use_tls};
    problem += (problem.empty() ? "there are no SRV records " : ", ") + name;
  }
  for (const char* service : kOfMembers) {
    const std::string name = name_of(service, suffix, domain);
    if (const SrvAnswer records = ask(name); records && !records->empty())
      return fail(
          problem + "; those of " + name +
          " name the ports by which members talk to one another: add the first for clients");
  }
  return fail(problem);
}

SrvAnswer ask_name_servers(const std::string& name, NameServer instead) {
  struct __res_state resolver{};
  if (res_ninit(&resolver) != 0) return fail(std::string("/etc/resolv.conf cannot be used"));
  const std::unique_ptr<struct __res_state, void (*)(res_state)> owned(&resolver, res_nclose);
  resolver.retrans = 1;  // seconds
  resolver.retry = 2;
  if (instead.port != 0) ask_instead(&resolver, instead);
  std::array<unsigned char, 65536> answer{};
  const int length = res_nquery(&resolver, name.c_str(), ns_c_in, ns_t_srv, answer.data(),
                                static_cast<int>(answer.size()));
  if (length >= 0)
    return records_in(answer.data(), std::min(length, static_cast<int>(answer.size())));
  if (resolver.res_h_errno == HOST_NOT_FOUND || resolver.res_h_errno == NO_DATA)
    return std::vector<SrvRecord>();
  return fail(std::string(hstrerror(resolver.res_h_errno)));
}

}  // namespace pgherd::etcd
