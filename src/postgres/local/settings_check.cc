#include "postgres/local/settings_check.h"

#include <algorithm>
#include <cctype>

#include "codec/postgres_settings.h"
#include "postgres/local/config_files.h"
#include "runtime/log.h"

namespace pgherd {
namespace {

namespace asio = boost::asio;

// PostgreSQL tells the first of them only.
constexpr int kRounds = 16;

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

// The settings that `postgres -C` complains of: 'parameter "name"' in any of its sentences.
std::set<std::string> complained_of(const std::string& said, const ParameterMap& settings) {
  constexpr std::string_view kWords = "parameter \"";
  std::set<std::string> names;
  for (auto at = said.find(kWords); at != said.npos; at = said.find(kWords, at + 1)) {
    const auto start = at + kWords.size();
    const std::string name = lower(said.substr(start, said.find('"', start) - start));
    const bool is_needed = is_command_line_parameter(name) || name == "primary_conninfo" ||
                           name == "primary_slot_name";
    if (settings.contains(name) && !is_needed) names.insert(name);
  }
  return names;
}

ProcessSpec reading(const ActContext& context, const std::string& conf) {
  ProcessSpec spec;
  spec.argv = {context.program("postgres"),
               "-D",
               context.config->data_dir,
               "--config-file=" + conf,
               "--data_directory=" + context.config->data_dir,
               "-C",
               "max_connections"};
  spec.env = {{"LC_ALL", "C"}};
  spec.timeout = 10s;
  return spec;
}

// Whether anything was.
bool leave_out(const std::string& said, std::vector<JudgedSettings>& judged) {
  bool has_any = false;
  for (JudgedSettings& part : judged)
    for (const std::string& name : complained_of(said, part.settings)) {
      log_warning("{}: {} = '{}' is left out, this PostgreSQL does not take it: {}", part.key, name,
                  part.settings[name], said);
      part.settings.erase(name);
      part.refused.insert(name);
      has_any = true;
    }
  return has_any;
}

std::string without_line_end(std::string text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r'))
    text.pop_back();
  return text;
}

}  // namespace

asio::awaitable<std::string> setting_of(ActContext& context, const ActControl& control,
                                        std::string name) {
  ProcessSpec spec = reading(context, conf_path_of(*context.config));
  spec.argv.back() = name;
  const auto end = co_await run_tool(context, control, std::move(spec));
  if (!end) {
    log_warning("cannot read {} of the stopped server: {}", name, end.error().text);
    co_return std::string();
  }
  co_return without_line_end(end->out);
}

asio::awaitable<Answer<bool>> leave_out_what_is_refused(ActContext& context,
                                                        const ActControl& control, std::string conf,
                                                        std::vector<JudgedSettings> judged,
                                                        std::function<Attempt()> write) {
  for (int round = 0; round < kRounds; ++round) {
    const auto checked = co_await run_tool(context, control, reading(context, conf));
    if (checked) co_return true;
    if (checked.error().outcome == ActOutcome::Cancelled) co_return cancelled();
    if (!leave_out(checked.error().text, judged)) co_return false;
    if (auto written = write(); !written) co_return tl::unexpected(written.error());
  }
  co_return false;
}

}  // namespace pgherd
