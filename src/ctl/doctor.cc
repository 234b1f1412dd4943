#include "ctl/doctor.h"

#include <fmt/format.h>

#include <algorithm>

#include "ctl/commands.h"
#include "rest/url.h"

namespace pgherd::ctl {
namespace {

// One that hangs is a finding, not a reason to wait.
constexpr Milliseconds kPatience = 5s;

Result<ApiReply, ApiFailure> get(CtlContext& context, const Member& member, const char* endpoint) {
  if (!parse_http_url(member.api_url)) return fail(ApiFailure{.text = "it publishes no api_url"});
  return context.api.call(ApiRequest{
      .method = "GET", .url = endpoint_url(member.api_url, endpoint), .timeout = kPatience});
}

MemberAnswer ask(CtlContext& context, const Member& member) {
  const auto document = get(context, member, "patroni");
  if (!document) {
    MemberAnswer answer;
    answer.problem = document.error().text;
    return answer;
  }
  const auto metrics = get(context, member, "metrics");
  return member_answer(document->body, metrics ? metrics->body : std::string());
}

std::string headline(const Cluster& cluster) {
  const ClusterView& view = cluster.view;
  return fmt::format("Cluster {}: {} member{}, {}", cluster.name, view.members.get().size(),
                     view.members.get().size() == 1 ? "" : "s",
                     view.has_leader() ? "led by '" + view.leader->name + "'" : "without a leader");
}

std::string_view word_for(Finding::Weight weight) {
  return weight == Finding::Weight::Problem ? "problem" : "remark";
}

void print_for_people(Console& console, const Cluster& cluster,
                      const std::vector<Finding>& findings) {
  console.say(headline(cluster));
  for (const Finding& finding : findings) {
    console.say(fmt::format("{}: {}", word_for(finding.weight), finding.what));
    console.say(fmt::format("  -> {}", finding.remedy));
  }
  if (findings.empty()) console.say("Nothing is wrong.");
}

Table table_of(const std::vector<Finding>& findings) {
  Table table{.columns = {{.name = "Weight"}, {.name = "Finding"}, {.name = "Remedy"}}};
  for (const Finding& finding : findings) {
    table.rows.push_back({text_cell(std::string(word_for(finding.weight))), text_cell(finding.what),
                          text_cell(finding.remedy)});
  }
  return table;
}

}  // namespace

std::vector<Finding> examine(CtlContext& context, const Cluster& cluster, Extent extent) {
  std::map<NodeName, MemberAnswer> answers;
  for (const auto& [name, member] : cluster.view.members)
    answers.emplace(name, ask(context, member));
  return diagnose(cluster.name, cluster.view, answers, context.store.wall_now(), extent);
}

int doctor(CtlContext& context, const DoctorOptions& options) {
  const Cluster cluster = read_cluster(context, cluster_name(context, options.cluster));
  const auto findings =
      examine(context, cluster, options.with_hosts ? Extent::WithHosts : Extent::Cluster);
  if (options.format == Format::Pretty) {
    print_for_people(context.console, cluster, findings);
  } else {
    context.console.print(render(table_of(findings), options.format));
  }
  return std::any_of(findings.begin(), findings.end(), [](const Finding& finding) {
    return finding.weight == Finding::Weight::Problem;
  });
}

}  // namespace pgherd::ctl
