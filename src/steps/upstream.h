// Whom a standby follows, or a copy is made from.
#pragma once

#include <string>

#include "model/ids.h"

namespace pgherd {

// host == "": nobody.
struct Upstream {
  NodeName name;
  std::string host;
  std::string port;
  std::string slot;  // "" : without a slot
  // The primary of another cluster, of which this one is a standby: `host` may be a list, of which
  // the one that is writable is meant.
  bool is_remote = false;
  // In a standby cluster: these replace what the node's own configuration says.
  std::string restore_command = {};
  std::string archive_cleanup_command = {};
  std::string recovery_min_apply_delay = {};
  // Nothing is restored from the archive, whatever is configured: what is here has to be enough.
  bool is_without_archive = false;
  bool operator==(const Upstream&) const = default;
};

}  // namespace pgherd
