// pg_control: the 8 KiB file in which PostgreSQL keeps what it must know before it can read
// anything else (PostgreSQL src/include/catalog/pg_control.h). Read natively: starting
// pg_controldata costs a process, and just when memory is short there is none to be had.
//
// Understood: the layouts of PostgreSQL 13..16 (version 1300), 17 (1700) and 18 (1800), as 64-bit
// machines of our own byte order write them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "model/instance_view.h"

namespace pgherd {

struct PgControl {
  ControlData data;
  std::uint32_t layout_version = 0;
  Lsn redo;  // where recovery would start
  std::uint32_t wal_segment_bytes = 0;
  bool backup_end_is_required = false;  // restored from a backup whose end was not reached yet
  // What a standby must have at least (PostgreSQL manual, 27.4.3).
  int max_connections = 0;
  int max_worker_processes = 0;
  int max_wal_senders = 0;
  int max_prepared_transactions = 0;
  int max_locks_per_transaction = 0;
  bool has_checksums = false;
  bool wal_log_hints = false;
};

// One kind per reaction: look again later, or call the directory broken.
enum class PgControlErrorKind { Missing, Unreadable, Damaged, UnknownLayout };
struct PgControlError {
  PgControlErrorKind kind{};
  std::string text;
};

[[nodiscard]] Result<PgControl, PgControlError> parse_pg_control(std::string_view bytes);

// Reads `<data_dir>/global/pg_control`; a read that met a write (the checksum does not fit) is
// tried again a few times.
[[nodiscard]] Result<PgControl, PgControlError> read_pg_control(const std::string& data_dir);

// CRC-32C (Castagnoli), as in PostgreSQL's port/pg_crc32c.h.
[[nodiscard]] std::uint32_t crc32c(std::string_view bytes);

}  // namespace pgherd
