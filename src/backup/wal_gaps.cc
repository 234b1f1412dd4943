#include "backup/wal_gaps.h"

#include <fmt/format.h>

#include <charconv>
#include <map>
#include <optional>
#include <set>

#include "codec/json_reading.h"
#include "model/lsn.h"

namespace pgherd::backup {
namespace {

constexpr std::size_t kNameLength = 24;
constexpr std::uint64_t kLogBytes = 1ULL << 32U;  // of the numbers that share the middle of a name
constexpr std::uint64_t kUsualSegment = 16ULL << 20U;
constexpr std::uint64_t kSmallestSegment = 1ULL << 20U;
constexpr std::uint64_t kLargestSegment = 1ULL << 30U;

struct Segment {
  std::uint32_t timeline = 0;
  std::uint64_t number = 0;  // from the beginning of the log
  friend auto operator<=>(const Segment&, const Segment&) = default;
};

std::optional<std::uint32_t> hex(std::string_view digits) {
  std::uint32_t value = 0;
  const auto [end, error] =
      std::from_chars(digits.data(), digits.data() + digits.size(), value, 16);
  if (error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
  return value;
}

std::optional<Segment> segment_of(std::string_view name, std::uint64_t segment_bytes) {
  if (name.size() != kNameLength) return std::nullopt;
  const auto timeline = hex(name.substr(0, 8));
  const auto log = hex(name.substr(8, 8));
  const auto low = hex(name.substr(16, 8));
  if (!timeline || !log || !low) return std::nullopt;
  return Segment{.timeline = *timeline, .number = *log * (kLogBytes / segment_bytes) + *low};
}

std::string name_of(const Segment& segment, std::uint64_t segment_bytes) {
  const std::uint64_t per_log = kLogBytes / segment_bytes;
  return fmt::format("{:08X}{:08X}{:08X}", segment.timeline, segment.number / per_log,
                     segment.number % per_log);
}

bool fits(const Backup& backup, std::uint64_t segment_bytes) {
  const auto position = parse_lsn(backup.lsn_start);
  const auto segment = segment_of(backup.wal_start, segment_bytes);
  return !position || !segment || position->bytes / segment_bytes == segment->number;
}

// The repository does not say it; positions and names together do.
std::uint64_t segment_bytes_of(const std::vector<const Backup*>& backups) {
  const auto fits_all = [&](std::uint64_t bytes) {
    for (const Backup* backup : backups)
      if (!fits(*backup, bytes)) return false;
    return true;
  };
  if (fits_all(kUsualSegment)) return kUsualSegment;
  for (std::uint64_t bytes = kSmallestSegment; bytes <= kLargestSegment; bytes *= 2)
    if (fits_all(bytes)) return bytes;
  return kUsualSegment;
}

// "17-1/0000000100000000/000000010000000000000003-3bfa....gz"; others are no segments.
std::set<Segment> segments_in(const std::vector<std::string>& files, const std::string& archive_id,
                              std::uint64_t segment_bytes) {
  std::set<Segment> found;
  for (const std::string& file : files) {
    if (!file.starts_with(archive_id + "/")) continue;
    const std::string_view name = std::string_view(file).substr(file.rfind('/') + 1);
    if (name.size() <= kNameLength || name[kNameLength] != '-') continue;
    if (const auto segment = segment_of(name.substr(0, kNameLength), segment_bytes))
      found.insert(*segment);
  }
  return found;
}

class Examination {
 public:
  Examination(std::set<Segment> there, std::uint64_t segment_bytes)
      : there_(std::move(there)), segment_bytes_(segment_bytes) {}

  void examine_range(const Backup& backup) {
    auto at = segment_of(backup.wal_start, segment_bytes_);
    const auto last = segment_of(backup.wal_stop, segment_bytes_);
    if (!at || !last || at->timeline != last->timeline) return;
    const std::uint64_t first = at->number;
    for (; at->number <= last->number; ++at->number) {
      if (there_.contains(*at)) continue;
      const std::string range =
          first == last->number ? ""
                                : fmt::format(" of {} to {}", backup.wal_start, backup.wal_stop);
      found_.push_back(fmt::format("backup {} cannot be recovered: the archive lacks {}{}",
                                   backup.label, name_of(*at, segment_bytes_), range));
      return;
    }
  }
  // Each timeline by itself: the next one begins in the middle of the one before it.
  void examine_after(const Backup& newest) {
    const auto from = segment_of(newest.wal_stop, segment_bytes_);
    if (!from) return;
    std::optional<Segment> before;
    for (const Segment& segment : there_) {
      if (segment.number < from->number) continue;
      const bool follows = before && before->timeline == segment.timeline;
      if (follows && segment.number != before->number + 1) {
        const std::uint64_t missing = segment.number - before->number - 1;
        found_.push_back(fmt::format(
            "nothing can be recovered beyond {}: {} segment{} missing in the archive before {}",
            name_of(*before, segment_bytes_), missing, missing == 1 ? " is" : "s are",
            name_of(segment, segment_bytes_)));
        return;
      }
      before = segment;
    }
  }
  std::vector<std::string> result() && { return std::move(found_); }

 private:
  std::set<Segment> there_;
  std::uint64_t segment_bytes_;
  std::vector<std::string> found_;
};

}  // namespace

Result<std::vector<std::string>, std::string> parse_listing(std::string_view json) {
  const auto document = read_json_object(json);
  if (!document) return fail(std::string("a JSON object of file names is expected"));
  std::vector<std::string> files;
  for (const auto& [name, value] : document->items())
    if (text_of(value, "type") == "file") files.push_back(name);
  return files;
}

std::vector<std::string> wal_gaps(const Stanza& stanza, int repository,
                                  const std::vector<std::string>& files) {
  std::vector<std::string> found;
  for (const Archive& archive : stanza.archives) {
    if (archive.repository != repository) continue;
    std::vector<const Backup*> backups;
    for (const Backup& backup : stanza.backups) {
      const bool is_of_it = backup.repository == repository && backup.database == archive.database;
      if (is_of_it && !backup.wal_start.empty()) backups.push_back(&backup);
    }
    if (backups.empty()) continue;
    const std::uint64_t segment_bytes = segment_bytes_of(backups);
    Examination examination(segments_in(files, archive.id, segment_bytes), segment_bytes);
    for (const Backup* backup : backups)
      examination.examine_range(*backup);
    examination.examine_after(*backups.back());
    for (std::string& gap : std::move(examination).result())
      found.push_back(std::move(gap));
  }
  return found;
}

}  // namespace pgherd::backup
