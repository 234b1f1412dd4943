// The monitoring query and how its answer becomes an InstanceView (PostgreSQL manual, pg_stat_*
// views).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "model/instance_view.h"
#include "postgres/local/server_settings.h"
#include "postgres/local/session.h"

namespace pgherd {

// One round trip; five results, in the order in which read_monitoring takes them.
[[nodiscard]] std::string monitoring_query();

// `wanted`: what the command line parameters should be; those that run with another value are
// pending. False: the answer does not have the shape of that query.
[[nodiscard]] bool read_monitoring(const std::vector<Rows>& answer, const ParameterMap& wanted,
                                   InstanceView& view);

// When the session that answered read the configuration files last, as PostgreSQL prints it. The
// answer has the shape that read_monitoring wants.
[[nodiscard]] std::string files_read_at(const std::vector<Rows>& answer);

// The hostaddr of a primary_conninfo; "": it has none.
[[nodiscard]] std::string address_in(const std::string& conninfo);
// Host, port and slot of a primary_conninfo; empty when it cannot be read.
[[nodiscard]] UpstreamView upstream_of(const std::string& conninfo, const std::string& slot);

}  // namespace pgherd
