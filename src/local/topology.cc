#include "local/topology.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <sstream>

#include "local/http.h"

namespace pgherd::local {
namespace {

MemberLook look_at(const Part& agent) {
  MemberLook look{.name = agent.name};
  const auto answer = http_get(agent.ports.at("rest"), "/patroni");
  if (!answer || answer->status != 200) return look;
  const auto document = nlohmann::json::parse(answer->body, nullptr, false);
  if (!document.is_object()) return look;
  look.answers = true;
  look.role = document.value("role", "");
  look.state = document.value("state", "");
  look.timeline = document.value("timeline", std::int64_t{0});
  const bool runs = look.state == "running";
  const bool is_standby = look.role == "replica" || look.role == "sync_standby";
  look.is_streaming = is_standby && document.value("replication_state", "") == "streaming";
  if (runs && !is_standby) {
    const auto leader = http_get(agent.ports.at("rest"), "/leader");
    look.leads = leader && leader->status == 200;
  }
  return look;
}

std::vector<std::string> csv_fields(const std::string& line) {
  std::vector<std::string> fields;
  std::istringstream in(line);
  for (std::string field; std::getline(in, field, ',');)
    fields.push_back(field);
  return fields;
}

}  // namespace

std::vector<MemberLook> look_at_members(const Herd& herd) {
  std::vector<MemberLook> looks;
  for (const Part* agent : herd.agents())
    looks.push_back(look_at(*agent));
  return looks;
}

int healthy_etcd_members(const Herd& herd) {
  int healthy = 0;
  for (const Part& part : herd.parts) {
    if (part.kind != PartKind::Etcd) continue;
    const auto answer = http_get(part.ports.at("client"), "/health");
    if (answer && answer->body.find("\"true\"") != std::string::npos) ++healthy;
  }
  return healthy;
}

BalancerLook look_at_balancer(const Herd& herd, const Secrets& secrets) {
  BalancerLook look;
  const auto answer = http_get(
      herd.statistics_port, "/;csv",
      Credentials{.username = kStatisticsUser, .password = secrets.statistics, .options = {}});
  if (!answer || answer->status != 200) return look;
  look.answers = true;
  std::istringstream lines(answer->body);
  for (std::string line; std::getline(lines, line);) {
    const auto fields = csv_fields(line);
    constexpr std::size_t kStatus = 17;
    constexpr std::size_t kCheckStatus = 36;
    if (fields.size() <= kCheckStatus || fields[kStatus].rfind("UP", 0) != 0) continue;
    if (herd.find(fields[1]) == nullptr) continue;  // FRONTEND, BACKEND
    // Until its first check HAProxy believes a server to be up; that is not to be counted.
    if (fields[kCheckStatus].find("L7OK") == std::string::npos) continue;
    (fields[0] == "primary" ? look.primaries : look.standbys) += 1;
  }
  return look;
}

bool is_complete(const Herd& herd, const std::vector<MemberLook>& members,
                 const BalancerLook& balancer) {
  const auto count = [&](bool MemberLook::* what) {
    return std::count_if(members.begin(), members.end(),
                         [&](const MemberLook& member) { return member.*what; });
  };
  const auto standbys = static_cast<int>(herd.agents().size()) - 1;
  return count(&MemberLook::leads) == 1 && count(&MemberLook::is_streaming) == standbys &&
         balancer.primaries == 1 && balancer.standbys == standbys;
}

}  // namespace pgherd::local
