// One function for each section of the configuration. For the codec room only.
#pragma once

#include <string>
#include <vector>

#include "codec/config.h"
#include "codec/config_reader.h"

namespace pgherd {

// What the sections share while they are read.
struct ReadingContext {
  ConfigUse use = ConfigUse::Agent;
  std::vector<std::string>& warnings;
};

// `0.0.0.0`, `::`, `*` or nothing: every address of whoever listens there.
[[nodiscard]] bool is_every_address(const std::string& host);
// Refuses such an address where others are told how to reach this node: each would ask itself.
void refuse_every_address(const Section& section, std::string_view key,
                          const ListenAddress& address, ReadingContext context);

[[nodiscard]] LogConfig read_log(const Section& log, ReadingContext context);
[[nodiscard]] EtcdConfig read_etcd(const Section& root, ReadingContext context);
[[nodiscard]] RestConfig read_restapi(const Section& restapi, ReadingContext context);
[[nodiscard]] CtlConfig read_ctl(const Section& ctl, const RestConfig& restapi);
[[nodiscard]] std::optional<BootstrapConfig> read_bootstrap(const Section& bootstrap,
                                                            ReadingContext context);
// `home`: where pgpass lies unless the section says so; "" when this user has none.
[[nodiscard]] PostgresConfig read_postgresql(const Section& postgresql, const std::string& home,
                                             ReadingContext context);
[[nodiscard]] LocalOverrides read_overrides(const Section& postgresql);
[[nodiscard]] WatchdogConfig read_watchdog(const Section& watchdog, ReadingContext context);
[[nodiscard]] Tags read_tags(const Section& root, ReadingContext context);

}  // namespace pgherd
