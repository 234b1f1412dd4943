#include "backup/repository.h"

#include <fmt/format.h>

#include <algorithm>

#include "codec/json_reading.h"

namespace pgherd::backup {
namespace {

constexpr std::int64_t kSecond = 1000000;  // of a WallTime

// A value and where it stands. What is wrong with it is thrown as text, and caught in parse_info.
struct Unexpected {
  std::string text;
};

class Place {
 public:
  Place(const Json& value, std::string path) : value_(&value), path_(std::move(path)) {}

  [[nodiscard]] Place at(const std::string& key) const {
    const Json* found = pgherd::find(object(), key);
    if (found == nullptr) throw Unexpected{fmt::format("{}: there is no \"{}\"", path_, key)};
    return {*found, path_ + "." + key};
  }
  // Absent and null are the same.
  [[nodiscard]] std::optional<Place> maybe(const std::string& key) const {
    const Json* found = pgherd::find(object(), key);
    if (found == nullptr) return std::nullopt;
    return Place{*found, path_ + "." + key};
  }
  [[nodiscard]] std::string text() const {
    if (!value_->is_string()) wrong("a text");
    return value_->get<std::string>();
  }
  [[nodiscard]] std::int64_t number() const {
    if (!value_->is_number_integer()) wrong("a whole number");
    return value_->get<std::int64_t>();
  }
  [[nodiscard]] bool flag() const {
    if (!value_->is_boolean()) wrong("true or false");
    return value_->get<bool>();
  }
  [[nodiscard]] std::vector<Place> items() const {
    if (!value_->is_array()) wrong("a list");
    std::vector<Place> places;
    for (const Json& item : *value_)
      places.emplace_back(item, fmt::format("{}[{}]", path_, places.size()));
    return places;
  }

 private:
  [[nodiscard]] const Json& object() const {
    if (!value_->is_object()) wrong("an object");
    return *value_;
  }
  [[noreturn]] void wrong(std::string_view expected) const {
    constexpr std::size_t kShown = 60;
    std::string shown = write_json(*value_);
    if (shown.size() > kShown) shown = shown.substr(0, kShown) + "...";
    throw Unexpected{fmt::format("{}: {} is expected, not {}", path_, expected, shown)};
  }

  const Json* value_;
  std::string path_;
};

std::string text_or_none(const Place& object, const std::string& key) {
  const auto place = object.maybe(key);
  return place ? place->text() : "";
}

WallTime moment(const Place& place) {
  return WallTime{place.number() * kSecond};
}

int small(const Place& place) {
  return static_cast<int>(place.number());
}

// One repository was all there could be before pgBackRest 2.33.
int repository_of(const Place& database) {
  const auto key = database.maybe("repo-key");
  return key ? small(*key) : 1;
}

Backup backup_of(const Place& place) {
  Backup backup{.label = place.at("label").text(), .type = place.at("type").text()};
  const Place timestamp = place.at("timestamp");
  backup.began = moment(timestamp.at("start"));
  backup.ended = moment(timestamp.at("stop"));
  if (const auto archive = place.maybe("archive")) {
    backup.wal_start = text_or_none(*archive, "start");
    backup.wal_stop = text_or_none(*archive, "stop");
  }
  if (const auto lsn = place.maybe("lsn")) backup.lsn_start = text_or_none(*lsn, "start");
  const Place info = place.at("info");
  backup.size_bytes = info.at("size").number();
  backup.repository_bytes = info.at("repository").at("delta").number();
  if (const auto error = place.maybe("error")) backup.has_error = error->flag();
  const Place database = place.at("database");
  backup.database = small(database.at("id"));
  backup.repository = repository_of(database);
  return backup;
}

Archive archive_of(const Place& place) {
  const Place database = place.at("database");
  return Archive{.id = place.at("id").text(),
                 .database = small(database.at("id")),
                 .repository = repository_of(database),
                 .first = text_or_none(place, "min"),
                 .last = text_or_none(place, "max")};
}

Database database_of(const Place& place) {
  return Database{.id = small(place.at("id")),
                  .repository = repository_of(place),
                  .version = place.at("version").text()};
}

Repository repository_at(const Place& place) {
  const Place status = place.at("status");
  return Repository{.key = small(place.at("key")),
                    .status = small(status.at("code")),
                    .message = status.at("message").text()};
}

bool is_running(const Place& status) {
  const auto lock = status.maybe("lock");
  const auto backup = lock ? lock->maybe("backup") : std::nullopt;
  const auto held = backup ? backup->maybe("held") : std::nullopt;
  return held && held->flag();
}

Stanza stanza_of(const Place& place) {
  Stanza stanza{.name = place.at("name").text()};
  const Place status = place.at("status");
  stanza.status = small(status.at("code"));
  stanza.message = status.at("message").text();
  stanza.backup_is_running = is_running(status);
  if (const auto repositories = place.maybe("repo"))
    for (const Place& one : repositories->items())
      stanza.repositories.push_back(repository_at(one));
  for (const Place& one : place.at("db").items())
    stanza.databases.push_back(database_of(one));
  for (const Place& one : place.at("archive").items())
    stanza.archives.push_back(archive_of(one));
  for (const Place& one : place.at("backup").items())
    stanza.backups.push_back(backup_of(one));
  std::stable_sort(stanza.backups.begin(), stanza.backups.end(),
                   [](const Backup& one, const Backup& other) { return one.ended < other.ended; });
  return stanza;
}

// A backup can be used when the archive reaches its end. Names of segments order as the log does.
void examine_archive(const Stanza& stanza, const Backup& backup, std::vector<std::string>& found) {
  if (backup.wal_stop.empty()) return;
  for (const Archive& archive : stanza.archives) {
    if (archive.database != backup.database || archive.repository != backup.repository) continue;
    if (archive.last >= backup.wal_stop && archive.first <= backup.wal_start) return;
  }
  found.push_back(
      fmt::format("the archive lacks the write-ahead log of the newest backup {} "
                  "({} to {}): it cannot be recovered",
                  backup.label, backup.wal_start, backup.wal_stop));
}

}  // namespace

const Backup* Stanza::newest() const {
  return backups.empty() ? nullptr : &backups.back();
}

const Backup* Stanza::find(std::string_view label) const {
  const auto found = std::find_if(backups.begin(), backups.end(),
                                  [&](const Backup& backup) { return backup.label == label; });
  return found == backups.end() ? nullptr : &*found;
}

Result<std::vector<Stanza>, std::string> parse_info(std::string_view json) {
  const auto document = read_json(json);
  if (!document) return fail(std::string("it is no JSON"));
  try {
    std::vector<Stanza> stanzas;
    for (const Place& place : Place(*document, "").items())
      stanzas.push_back(stanza_of(place));
    return stanzas;
  } catch (const Unexpected& problem) {
    const bool is_at_top = problem.text.starts_with(":");
    return fail(is_at_top ? "the whole of it" + problem.text : problem.text);
  }
}

std::vector<std::string> problems_of(const Stanza& stanza) {
  std::vector<std::string> found;
  for (const Repository& repository : stanza.repositories) {
    if (repository.status != 0)
      found.push_back(fmt::format("repository {}: {}", repository.key, repository.message));
  }
  if (stanza.status != 0 && found.empty()) found.push_back(stanza.message);
  const Backup* newest = stanza.newest();
  if (newest == nullptr) {
    if (found.empty()) found.emplace_back("there is no backup");
    return found;
  }
  if (newest->has_error) {
    found.push_back(
        fmt::format("the newest backup {} has pages with a wrong checksum: the data directory that "
                    "it was taken of is damaged, `pgbackrest info --set={}` lists the files",
                    newest->label, newest->label));
  }
  examine_archive(stanza, *newest, found);
  return found;
}

}  // namespace pgherd::backup
