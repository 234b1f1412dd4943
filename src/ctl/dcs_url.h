// `-d`: another store than the configured one. Pure.
#pragma once

#include <string>
#include <string_view>

#include "model/agent_config.h"

namespace pgherd::ctl {

// Puts the URL's endpoint, and its path as the namespace if it has one, in the place of the
// configured ones; TLS and credentials of the configuration stay. "etcd" means etcd3 too: pgherd
// knows no other store. CtlError for another scheme or no usable address.
void apply_dcs_url(std::string_view url, AgentConfig& config);

}  // namespace pgherd::ctl
