// Every key of the configuration that is known, in one table: who looks at it, when a change of it
// counts, since when there is such a key. What is right in a file, what is said of keys in the
// wrong one of the two configurations (config_keys.h, config_not_served.h) and of a reload that
// does not do (config_reload.h) is made of it; tests hold docs/configuration.md, the configuration
// that is generated, and what each key does against it. For the codec room only.
#pragma once

#include <string_view>
#include <vector>

namespace pgherd {

enum class WhenRead {
  AtReload,    // of the file: SIGHUP, POST /reload
  AtStart,     // of the agent
  AtOnce,      // the dynamic configuration alone has it, a change counts on all members
  NewCluster,  // nothing comes of it once there is a cluster
  Never,       // it is not served: config_not_served.h has what holds without it
};

struct KnownKey {
  // "restapi.listen". A `*` is each of the users of postgresql.authentication. What etcd3 has the
  // section etcd has as well; what is shared bootstrap.dcs.postgresql as well.
  std::string_view path;
  WhenRead read = WhenRead::Never;
  // The room below src/ that does something by it, and the word by which it does: the field of a
  // configuration or of settings. Both "" where it is never read.
  std::string_view room;
  std::string_view word;
  // The version of Patroni that brought it, kNextOfPatroni or kOurs.
  std::string_view since;
  bool is_shared = false;  // of `postgresql`: the dynamic configuration may have it, too
};

// In Patroni's repository, and not released when 4.1.4 was the newest.
inline constexpr std::string_view kNextOfPatroni = "4.2";
inline constexpr std::string_view kOurs = "pgherd";

[[nodiscard]] const std::vector<KnownKey>& config_table();

}  // namespace pgherd
