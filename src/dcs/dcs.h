// Dcs: the door to the store. A small key-value interface with revisions, leases and watches: etcd
// v3 seen through a keyhole. Implementations: dcs/memory (deterministic, for tests and the
// simulator) and dcs/etcd (gRPC). One contract suite runs against both.
//
// Threads: every function is called on the owner's loop and returns at once; every answer is
// delivered later on that same loop, never from inside the call. Each request is answered exactly
// once, at the latest a little after its deadline, unless the Dcs is destroyed first: then never.
//
// A write has three outcomes, and no code may take the third for the second:
//   applied (value), refused (a compare did not hold: `succeeded == false`), unknown (an Error).
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/instant.h"
#include "base/result.h"
#include "model/ids.h"

namespace pgherd {

struct KeyValue {
  std::string key;
  std::string value;
  Revision create_revision;
  Revision mod_revision;
  LeaseId lease;
  friend bool operator==(const KeyValue&, const KeyValue&) = default;
};

// One kind per reaction of the caller.
enum class DcsErrorKind {
  Unavailable,   // no endpoint answered, or not in time: try again; a write may have been applied
  LeaseUnknown,  // the store does not know this lease (expired, revoked): get a new one
  Compacted,     // the revision to read or watch from is gone: read afresh
  Denied,        // a login or a permission is missing: an operator must act
  WrongLogin,    // name and password do not fit: likewise, and no agent begins with them
  Rejected,      // the store answered that it will not do this; nothing was applied
};
// Nothing but an operator changes the answer.
constexpr bool is_denied(DcsErrorKind kind) {
  return kind == DcsErrorKind::Denied || kind == DcsErrorKind::WrongLogin;
}
struct DcsError {
  DcsErrorKind kind = DcsErrorKind::Unavailable;
  std::string text;  // names the endpoint(s) and what they said
};

template <typename T>
using DcsAnswer = std::function<void(Result<T, DcsError>)>;

struct Compare {
  enum class What { CreateRevision, ModRevision, Value, Lease };
  What what = What::CreateRevision;
  std::string key;
  std::int64_t number = 0;  // for revisions and leases; create revision 0 = "does not exist"
  std::string text;         // for values
};
struct Put {
  std::string key;
  std::string value;
  LeaseId lease;                // 0: bound to none
  bool only_if_absent = false;  // a key that exists stays as it is; the transaction goes on
};
struct Delete {
  std::string key;
};
using Write = std::variant<Put, Delete>;

// All compares hold -> `writes`, else -> `otherwise`; atomic.
struct Transaction {
  std::vector<Compare> compares;
  std::vector<Write> writes;
  std::vector<Write> otherwise;
};
struct Committed {
  bool succeeded = false;  // the compares held
  Revision revision;       // of the store after this transaction
};

// Every key under a prefix at one revision.
struct Snapshot {
  std::vector<KeyValue> entries;  // sorted by key
  Revision revision;
};

struct WatchEvent {
  bool is_deletion = false;
  KeyValue entry;  // of a deletion only key and mod_revision
};
struct WatchBatch {
  std::vector<WatchEvent> events;  // in order; empty: only a sign of life (progress)
  Revision revision;               // everything up to here has been delivered
};
// Either batches, or one final error after which nothing comes any more. Kind Compacted or
// Unavailable: the watcher reads afresh and watches again.
using WatchHandler = std::function<void(Result<WatchBatch, DcsError>)>;

// Destroying it ends the watch; the handler is not called after that.
class Watch {
 public:
  virtual ~Watch() = default;
};

enum class ReadMode {
  Serializable,  // from whichever endpoint answers; may be a little old, never older than seen
                 // before
  Linearizable,  // the present, at the price of the store's quorum
};

class Dcs {
 public:
  virtual ~Dcs() = default;

  virtual void read(const std::string& prefix, ReadMode mode, Instant deadline,
                    DcsAnswer<Snapshot> answer) = 0;
  virtual void commit(Transaction transaction, Instant deadline, DcsAnswer<Committed> answer) = 0;

  // A lease of at least `ttl` (the store may give more: its minimum), counted by the store from
  // when it handles the request. The caller counts from when it called.
  struct Lease {
    LeaseId id;
    Milliseconds ttl{};
  };
  virtual void grant(Milliseconds ttl, Instant deadline, DcsAnswer<Lease> answer) = 0;
  // LeaseUnknown when it has expired.
  virtual void keep_alive(LeaseId lease, Instant deadline, DcsAnswer<Lease> answer) = 0;
  // Deletes every key that is bound to it.
  virtual void revoke(LeaseId lease, Instant deadline, DcsAnswer<Committed> answer) = 0;

  // Everything that happens under `prefix` from `from` on (inclusive). A sign of life comes at
  // least every `sign_of_life`; an implementation whose store stays silent for three of them ends
  // the watch with Unavailable.
  [[nodiscard]] virtual std::unique_ptr<Watch> watch(const std::string& prefix, Revision from,
                                                     Milliseconds sign_of_life,
                                                     WatchHandler handler) = 0;
};

}  // namespace pgherd
