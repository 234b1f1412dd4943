#include "drill/cut_off.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>

#include "drill/errors.h"
#include "runtime/process.h"

namespace pgherd::drill {
namespace {

// What nft complains of; "" if it did what it was told.
std::string run_nft(std::vector<std::string> words, std::string text) {
  ProcessSpec spec;
  spec.argv = std::move(words);
  spec.argv.insert(spec.argv.begin(), "nft");
  spec.stdin_text = std::move(text);
  spec.timeout = 10s;
  std::string complaint;
  boost::asio::io_context loop(1);
  const auto run = [&]() -> boost::asio::awaitable<void> {
    const auto end = co_await run_process(std::move(spec));
    if (!end) {
      complaint = end.error();
    } else if (!end->succeeded()) {
      complaint = fmt::format("nft {}: {}", describe(*end), end->err);
    }
  };
  boost::asio::co_spawn(loop, run(), boost::asio::detached);
  loop.run();
  return complaint;
}

std::string with_timeout(const std::vector<std::string>& elements, Seconds time) {
  std::vector<std::string> lasting;
  for (const std::string& element : elements)
    lasting.push_back(fmt::format("{} timeout {}s", element, time.count()));
  return fmt::format("{}", fmt::join(lasting, ", "));
}

}  // namespace

std::string rules_of(const CutPlan& plan) {
  return fmt::format(
      "add table inet pgherd_drill\n"
      "delete table inet pgherd_drill\n"
      "table inet pgherd_drill {{\n"
      "  set users {{ typeof meta skuid; flags timeout; elements = {{ {} }} }}\n"
      "  set ports {{ type inet_service; flags timeout; elements = {{ {} }} }}\n"
      "  chain output {{\n"
      "    type filter hook output priority 0; policy accept;\n"
      "    meta skuid @users oifname != \"lo\" drop\n"
      "    meta skuid @users tcp dport {{ {} }} drop\n"
      "  }}\n"
      "  chain input {{\n"
      "    type filter hook input priority 0; policy accept;\n"
      "    iifname != \"lo\" tcp dport @ports drop\n"
      "  }}\n"
      "}}\n",
      with_timeout({std::to_string(plan.user)}, plan.time),
      with_timeout(plan.server_ports, plan.time), fmt::join(plan.etcd_ports, ", "));
}

CutOff::CutOff(const CutPlan& plan) {
  if (const std::string complaint = run_nft({"-f", "-"}, rules_of(plan)); !complaint.empty())
    throw DrillError("this host cannot be cut off: " + complaint);
}

CutOff::~CutOff() {
  (void)run_nft({"delete", "table", "inet", "pgherd_drill"}, "");
}

void refuse_unless_it_can_cut() {
  if (geteuid() != 0)
    throw Refusal("only root may cut this host off: run it with sudo, on the leader's host");
  if (const std::string complaint = run_nft({"--version"}, ""); !complaint.empty())
    throw Refusal(fmt::format("it needs nft (the package nftables): {}", complaint));
}

}  // namespace pgherd::drill
