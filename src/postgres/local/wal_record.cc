#include "postgres/local/wal_record.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <filesystem>

#include "runtime/unique_fd.h"

namespace pgherd {
namespace {

constexpr std::uint32_t kPageBytes = 8192;  // XLOG_BLCKSZ of every packaged PostgreSQL
constexpr std::uint32_t kPageHeaderBytes = 24;
constexpr std::uint32_t kSegmentHeaderBytes = 40;  // of the first page of a segment
constexpr std::uint32_t kRecordHeaderBytes = 24;

constexpr std::uint64_t aligned(std::uint64_t bytes) {
  return (bytes + 7U) & ~std::uint64_t{7};
}

WalRecordError error_of(const std::string& path, const char* what) {
  return {.is_missing = errno == ENOENT,
          .text = fmt::format("cannot {} {}: {}", what, path, std::strerror(errno))};
}

std::uint64_t hexadecimal(const std::string& digits) {
  std::uint64_t value = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), value, 16);
  return value;
}

}  // namespace

Lsn end_of_record(Lsn start, std::uint32_t total_bytes, std::uint32_t wal_segment_bytes) {
  std::uint64_t at = start.bytes;
  std::uint64_t left = total_bytes;
  for (;;) {
    const std::uint64_t room = kPageBytes - at % kPageBytes;
    if (left <= room) return Lsn{at + aligned(left)};
    left -= room;
    at += room;
    at += at % wal_segment_bytes == 0 ? kSegmentHeaderBytes : kPageHeaderBytes;
  }
}

std::string wal_segment_name(Timeline timeline, Lsn position, std::uint32_t wal_segment_bytes) {
  const std::uint64_t number = position.bytes / wal_segment_bytes;
  const std::uint64_t per_id = 0x100000000ULL / wal_segment_bytes;
  return fmt::format("{:08X}{:08X}{:08X}", timeline.value, number / per_id, number % per_id);
}

std::optional<Lsn> end_of_last_segment(const std::string& data_dir, Timeline timeline,
                                       std::uint32_t wal_segment_bytes) {
  constexpr std::size_t kNameBytes = 24;
  constexpr std::size_t kTimelineBytes = 8;
  if (wal_segment_bytes < kPageBytes) return std::nullopt;
  const std::string prefix = fmt::format("{:08X}", timeline.value);
  std::optional<std::uint64_t> last;
  std::error_code error;
  for (std::filesystem::directory_iterator at(data_dir + "/pg_wal", error), end;
       !error && at != end; at.increment(error)) {
    const std::string name = at->path().filename().string();
    if (name.size() != kNameBytes || !name.starts_with(prefix)) continue;
    const std::uint64_t id = hexadecimal(name.substr(kTimelineBytes, kTimelineBytes));
    const std::uint64_t number = hexadecimal(name.substr(2 * kTimelineBytes));
    last = std::max(last.value_or(0), (id << 32U) / wal_segment_bytes + number);
  }
  if (!last) return std::nullopt;
  return Lsn{(*last + 1) * wal_segment_bytes};
}

Result<Lsn, WalRecordError> end_of_shutdown_checkpoint(const std::string& data_dir,
                                                       Timeline timeline, Lsn start,
                                                       std::uint32_t wal_segment_bytes) {
  if (wal_segment_bytes < kPageBytes)
    return fail(WalRecordError{
        .text = fmt::format("pg_control names a WAL segment size of {} bytes", wal_segment_bytes)});
  const std::string path =
      data_dir + "/pg_wal/" + wal_segment_name(timeline, start, wal_segment_bytes);
  const UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file.is_open()) return fail(error_of(path, "open"));
  // The start of a header never crosses a page: records begin on multiples of eight, its first
  // eight bytes are the length and the transaction id. The rest may; those bytes are not looked at.
  std::array<unsigned char, kRecordHeaderBytes> header{};
  const auto offset = static_cast<off_t>(start.bytes % wal_segment_bytes);
  const ssize_t got = ::pread(file.get(), header.data(), header.size(), offset);
  if (got < 0) return fail(error_of(path, "read"));
  std::uint32_t total = 0;
  std::memcpy(&total, header.data(), sizeof total);
  if (static_cast<std::size_t>(got) < header.size() || total < kRecordHeaderBytes || total > 4096)
    return fail(WalRecordError{
        .text = fmt::format("{} has no checkpoint record at {}", path, to_string(start))});
  const bool is_whole = kPageBytes - start.bytes % kPageBytes >= kRecordHeaderBytes;
  const unsigned info = header[16] & 0xF0U;
  const unsigned resource_manager = header[17];
  if (is_whole && (info != 0 || resource_manager != 0))
    return fail(
        WalRecordError{.text = fmt::format(
                           "the record at {} in {} is no shutdown checkpoint (rmgr {}, info {:#x})",
                           to_string(start), path, resource_manager, info)});
  return end_of_record(start, total, wal_segment_bytes);
}

}  // namespace pgherd
