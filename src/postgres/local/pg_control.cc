#include "postgres/local/pg_control.h"

#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <thread>

#include "runtime/files.h"

namespace pgherd {
namespace {

constexpr std::array<std::uint32_t, 256> make_crc_table() {
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t byte = 0; byte < 256; ++byte) {
    std::uint32_t value = byte;
    for (int bit = 0; bit < 8; ++bit)
      value = (value >> 1U) ^ ((value & 1U) != 0 ? 0x82F63B78U : 0U);
    table[byte] = value;
  }
  return table;
}
constexpr auto kCrcTable = make_crc_table();

// Offsets in struct ControlFileData on 64-bit machines. They are the same in all supported layouts
// up to the checksum version; PostgreSQL 18 put a byte (default_char_signedness) before the nonce.
namespace at {
constexpr std::size_t kSystemId = 0;
constexpr std::size_t kVersion = 8;
constexpr std::size_t kState = 16;
constexpr std::size_t kCheckpoint = 32;
constexpr std::size_t kRedo = 40;
constexpr std::size_t kTimeline = 48;
constexpr std::size_t kMinRecovery = 136;
constexpr std::size_t kMinRecoveryTimeline = 144;
constexpr std::size_t kBackupEndRequired = 168;
constexpr std::size_t kWalLogHints = 176;
constexpr std::size_t kMaxConnections = 180;
constexpr std::size_t kMaxWorkerProcesses = 184;
constexpr std::size_t kMaxWalSenders = 188;
constexpr std::size_t kMaxPreparedXacts = 192;
constexpr std::size_t kMaxLocksPerXact = 196;
constexpr std::size_t kWalSegmentBytes = 228;
constexpr std::size_t kChecksumVersion = 252;
}  // namespace at

// Where the checksum lies, which is also how much it covers; 0 for a layout that we do not know.
std::size_t crc_offset(std::uint32_t version) {
  switch (version) {
    case 1300:
    case 1700:
      return 288;
    case 1800:
      return 292;
    default:
      return 0;
  }
}

template <typename T>
T field(std::string_view bytes, std::size_t offset) {
  T value{};
  std::memcpy(&value, bytes.data() + offset, sizeof value);
  return value;
}

ControlState state_of(std::uint32_t db_state) {
  constexpr std::array kStates{ControlState::StartingUp,         ControlState::ShutDown,
                               ControlState::ShutDownInRecovery, ControlState::ShuttingDown,
                               ControlState::InCrashRecovery,    ControlState::InArchiveRecovery,
                               ControlState::InProduction};
  return db_state < kStates.size() ? kStates[db_state] : ControlState::Unknown;
}

PgControlError error_of(PgControlErrorKind kind, std::string text) {
  return {kind, std::move(text)};
}

PgControl fields_of(std::string_view bytes, std::uint32_t version) {
  PgControl control;
  control.layout_version = version;
  control.redo = Lsn{field<std::uint64_t>(bytes, at::kRedo)};
  control.wal_segment_bytes = field<std::uint32_t>(bytes, at::kWalSegmentBytes);
  control.backup_end_is_required = bytes[at::kBackupEndRequired] != 0;
  control.max_connections = field<std::int32_t>(bytes, at::kMaxConnections);
  control.max_worker_processes = field<std::int32_t>(bytes, at::kMaxWorkerProcesses);
  control.max_wal_senders = field<std::int32_t>(bytes, at::kMaxWalSenders);
  control.max_prepared_transactions = field<std::int32_t>(bytes, at::kMaxPreparedXacts);
  control.max_locks_per_transaction = field<std::int32_t>(bytes, at::kMaxLocksPerXact);
  control.has_checksums = field<std::uint32_t>(bytes, at::kChecksumVersion) != 0;
  control.wal_log_hints = bytes[at::kWalLogHints] != 0;
  ControlData& data = control.data;
  data.system_id = std::to_string(field<std::uint64_t>(bytes, at::kSystemId));
  data.state = state_of(field<std::uint32_t>(bytes, at::kState));
  data.timeline = Timeline{field<std::uint32_t>(bytes, at::kTimeline)};
  data.checkpoint = Lsn{field<std::uint64_t>(bytes, at::kCheckpoint)};
  data.minimum_recovery_end = Lsn{field<std::uint64_t>(bytes, at::kMinRecovery)};
  data.minimum_recovery_timeline = Timeline{field<std::uint32_t>(bytes, at::kMinRecoveryTimeline)};
  data.can_be_rewound = control.has_checksums || control.wal_log_hints;
  return control;
}

}  // namespace

std::uint32_t crc32c(std::string_view bytes) {
  std::uint32_t crc = 0xFFFFFFFFU;
  for (const char byte : bytes)
    crc = kCrcTable[(crc ^ static_cast<unsigned char>(byte)) & 0xFFU] ^ (crc >> 8U);
  return crc ^ 0xFFFFFFFFU;
}

Result<PgControl, PgControlError> parse_pg_control(std::string_view bytes) {
  if (bytes.size() < 300)
    return fail(error_of(PgControlErrorKind::Damaged,
                         "pg_control is cut short: " + std::to_string(bytes.size()) + " bytes"));
  const auto version = field<std::uint32_t>(bytes, at::kVersion);
  const std::size_t covered = crc_offset(version);
  if (covered == 0)
    return fail(error_of(PgControlErrorKind::UnknownLayout,
                         "pg_control has layout version " + std::to_string(version) +
                             "; known are 1300 (PostgreSQL 13 to 16), 1700 (17) and 1800 (18)"));
  if (crc32c(bytes.substr(0, covered)) != field<std::uint32_t>(bytes, covered))
    return fail(error_of(PgControlErrorKind::Damaged, "the checksum of pg_control does not fit"));
  return fields_of(bytes, version);
}

Result<PgControl, PgControlError> read_pg_control(const std::string& data_dir) {
  const std::string path = data_dir + "/global/pg_control";
  Result<PgControl, PgControlError> control =
      fail(error_of(PgControlErrorKind::Unreadable, "not read yet"));
  // PostgreSQL writes the file in place; a reader may see half of the old and half of the new.
  for (int tries = 0; tries < 10; ++tries) {
    if (tries > 0) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    const auto bytes = read_file(path, 1U << 20U);
    if (!bytes) {
      const bool is_missing = bytes.error().code == ENOENT || bytes.error().code == ENOTDIR;
      return fail(
          error_of(is_missing ? PgControlErrorKind::Missing : PgControlErrorKind::Unreadable,
                   bytes.error().text));
    }
    control = parse_pg_control(*bytes);
    if (control || control.error().kind == PgControlErrorKind::UnknownLayout) break;
  }
  if (!control) control.error().text += " (" + path + ")";
  return control;
}

}  // namespace pgherd
