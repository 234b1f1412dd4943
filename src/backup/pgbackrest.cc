#include "backup/pgbackrest.h"

#include <fmt/format.h>

#include <algorithm>

#include "backup/errors.h"
#include "backup/tool_log.h"
#include "runtime/environment.h"

namespace pgherd::backup {
namespace {

constexpr const char* kProgram = "pgbackrest";
// A listing of a large archive is long, and is needed whole.
constexpr std::size_t kOutputMax = 256U << 20U;

}  // namespace

Pgbackrest::Pgbackrest(Children& children, std::string config_file,
                       const std::string& wanted_stanza)
    : children_(children), config_file_(std::move(config_file)) {
  const ConfigPlaces places{.option = config_file_, .environment = process_environment()};
  config_ = read_pgbackrest_config(places);
  stanza_ = choose_stanza(wanted_stanza, config_, places);
}

Stanza Pgbackrest::info() {
  const ProcessEnd end = run("info", {"--output=json"});
  auto stanzas = parse_info(end.out);
  if (!stanzas)
    throw BackupError(
        fmt::format("what `pgbackrest info --output=json` prints is not understood: "
                    "{} (pgBackRest 2.44 to 2.55 are known)",
                    stanzas.error()));
  const auto found = std::find_if(stanzas->begin(), stanzas->end(),
                                  [&](const Stanza& one) { return one.name == stanza_; });
  if (found == stanzas->end())
    throw BackupError(
        fmt::format("the repository has no stanza {}: see repo1-path in the "
                    "configuration of pgBackRest, and `pgbackrest --stanza={} "
                    "stanza-create`",
                    stanza_, stanza_));
  return std::move(*found);
}

ProcessEnd Pgbackrest::run(const std::string& command, const std::vector<std::string>& options,
                           std::function<void(std::string_view)> on_line) {
  ProcessSpec spec;
  spec.argv = {kProgram,
               command,
               "--stanza=" + stanza_,
               "--log-level-console=off",
               "--log-level-stderr=info",
               "--no-log-timestamp"};
  if (!config_file_.empty()) spec.argv.push_back("--config=" + config_file_);
  spec.argv.insert(spec.argv.end(), options.begin(), options.end());
  spec.tail_bytes_max = kOutputMax;
  if (on_line)
    spec.on_line = [on_line = std::move(on_line)](OutputOf which, std::string_view line) {
      if (which == OutputOf::Stderr) on_line(line);
    };
  ProcessEnd end = children_.run(std::move(spec));
  if (!end.succeeded())
    throw BackupError(fmt::format("pgbackrest {} {}: {}", command, describe(end),
                                  reason_in(end.err.empty() ? end.out : end.err)));
  return end;
}

}  // namespace pgherd::backup
