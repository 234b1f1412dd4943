// Our words to etcd's messages and back. Pure.
#pragma once

#include <string>

#include "dcs/dcs.h"
#include "dcs/etcd/seen.h"
#include "etcd.pb.h"

namespace pgherd::etcd {

// The first key after every key that begins with `prefix`.
[[nodiscard]] std::string end_of(const std::string& prefix);

[[nodiscard]] etcdserverpb::TxnRequest request_of(const Transaction& transaction);
[[nodiscard]] bool writes_something(const Transaction& transaction);

[[nodiscard]] Header header_of(const etcdserverpb::ResponseHeader& header);
[[nodiscard]] KeyValue entry_of(const etcdserverpb::KeyValue& entry);
[[nodiscard]] WatchEvent event_of(const etcdserverpb::Event& event);

}  // namespace pgherd::etcd
