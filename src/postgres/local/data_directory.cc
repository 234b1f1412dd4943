#include "postgres/local/data_directory.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstring>
#include <filesystem>
#include <system_error>
#include <vector>

#include "runtime/files.h"

namespace pgherd {
namespace {

namespace fs = std::filesystem;

constexpr const char* kMarker = "pgherd.unfinished";
constexpr const char* kRewindMarkerInside = "/pgherd.rewinding";
constexpr const char* kRewindMarkerBeside = ".rewinding";

bool exists(const std::string& path) {
  struct stat facts{};
  return ::lstat(path.c_str(), &facts) == 0;
}

// The entry names; an error becomes text.
Result<std::vector<std::string>, std::string> names_in(const std::string& directory) {
  std::vector<std::string> names;
  std::error_code error;
  for (fs::directory_iterator at(directory, error), end; !error && at != end; at.increment(error))
    names.push_back(at->path().filename().string());
  if (error) return fail(fmt::format("cannot list {}: {}", directory, error.message()));
  return names;
}

int major_version_in(const std::string& data_dir) {
  const auto text = read_file(data_dir + "/PG_VERSION", 64);
  int major = 0;
  if (text) std::from_chars(text->data(), text->data() + text->size(), major);
  return major;
}

// "" when PostgreSQL would accept it (PostgreSQL src/backend/utils/init/miscinit.c, checkDataDir).
std::string ownership_problem(const std::string& data_dir, const struct stat& facts) {
  if (facts.st_uid != ::geteuid())
    return fmt::format(
        "{} belongs to user id {}, but pgherd runs as user id {}; PostgreSQL starts only as the "
        "owner: chown the directory, or run pgherd as its owner",
        data_dir, facts.st_uid, ::geteuid());
  if ((facts.st_mode & (S_IWGRP | S_IRWXO)) != 0)
    return fmt::format("{} has mode {:04o}, PostgreSQL demands 0700 or 0750: chmod 0700 {}",
                       data_dir, facts.st_mode & 07777U, data_dir);
  return {};
}

std::string rewind_marker_text(const std::string& data_dir) {
  struct stat facts{};
  const bool is_there = ::stat(data_dir.c_str(), &facts) == 0;
  return fmt::format("pg_rewind is at work on the directory with inode {}\n",
                     is_there ? facts.st_ino : 0);
}

bool is_half_rewound(const std::string& data_dir) {
  if (exists(data_dir + kRewindMarkerInside)) return true;
  const auto beside = read_file(data_dir + kRewindMarkerBeside, 256);
  return beside && *beside == rewind_marker_text(data_dir);
}

DirectoryLook broken(DirectoryLook look, std::string why) {
  look.state = DataDirectory::Broken;
  look.problem = std::move(why);
  return look;
}
DirectoryLook inaccessible(DirectoryLook look, std::string why) {
  look.state = DataDirectory::Inaccessible;
  look.problem = std::move(why);
  return look;
}

DirectoryLook look_inside(const std::string& data_dir, Mark mark) {
  DirectoryLook look;
  const bool is_standby = exists(data_dir + "/standby.signal");  // which counts if both are there
  look.has_recovery_signal = !is_standby && exists(data_dir + "/recovery.signal");
  look.has_standby_signal = is_standby || look.has_recovery_signal;
  look.major_version = major_version_in(data_dir);
  look.is_ours_unfinished = mark == Mark::Counts && exists(data_dir + "/" + kMarker);
  const auto control = read_pg_control(data_dir);
  if (control) look.control = *control;
  if (look.is_ours_unfinished)
    return broken(look, data_dir + " holds a copy that pgherd began and did not finish");
  if (is_half_rewound(data_dir))
    return broken(look, "pg_rewind was interrupted in " + data_dir +
                            ": a part of it is changed and a part is not");
  if (look.major_version == 0)
    return broken(look, data_dir +
                            " is not empty, but has no readable PG_VERSION: it is no "
                            "PostgreSQL data directory, or an interrupted copy");
  if (!control && control.error().kind == PgControlErrorKind::Unreadable)
    return inaccessible(look, control.error().text);
  if (!control) return broken(look, control.error().text);
  look.state = DataDirectory::Valid;
  return look;
}

Failure errno_failure(std::string_view what, const std::string& path) {
  return {.text = fmt::format("cannot {} {}: {}", what, path, std::strerror(errno))};
}

// `<path>.failed`, or the first numbered one that is free.
std::string free_name_beside(const std::string& path) {
  std::string name = path + ".failed";
  for (int number = 1; exists(name); ++number)
    name = fmt::format("{}.failed.{}", path, number);
  return name;
}

struct Link {
  std::string path;
  std::string target;
  bool is_tablespace = false;
};
// The symbolic links through which a data directory keeps content elsewhere.
std::vector<Link> outside_links(const std::string& data_dir) {
  std::vector<Link> links;
  std::error_code error;
  const auto add = [&](const std::string& path, bool is_tablespace) {
    if (!fs::is_symlink(path, error)) return;
    const fs::path target = fs::read_symlink(path, error);
    if (!error && target.is_absolute()) links.push_back({path, target.string(), is_tablespace});
  };
  add(data_dir + "/pg_wal", false);
  const auto tablespaces = names_in(data_dir + "/pg_tblspc");
  if (tablespaces)
    for (const std::string& name : *tablespaces)
      add(data_dir + "/pg_tblspc/" + name, true);
  return links;
}

// Moves what a link points to and points the link there. A failure is told, not fatal: the data
// stays whole where it is.
Attempt move_link_target(const Link& link) {
  const std::string aside = free_name_beside(link.target);
  if (::rename(link.target.c_str(), aside.c_str()) != 0)
    return tl::unexpected(
        errno_failure("move aside what " + link.path + " points to,", link.target));
  std::error_code error;
  fs::remove(link.path, error);
  fs::create_symlink(aside, link.path, error);
  if (error)
    return failed(fmt::format("cannot point {} to {}: {}", link.path, aside, error.message()));
  return {};
}

bool looks_like_wal(const std::vector<std::string>& names) {
  for (const std::string& name : names) {
    const bool is_segment =
        name.size() >= 8 && name.find_first_not_of("0123456789ABCDEF") >= std::size_t{8};
    if (!is_segment && name != "archive_status" && name != "summaries" &&
        !name.starts_with("xlogtemp."))
      return false;
  }
  return true;
}

Attempt remove_tree(const std::string& path) {
  std::error_code error;
  fs::remove_all(path, error);  // does not follow links
  if (error) return failed(fmt::format("cannot remove {}: {}", path, error.message()));
  return {};
}

Attempt empty_link_target(const Link& link) {
  struct stat facts{};
  if (::stat(link.target.c_str(), &facts) != 0) {
    if (errno == ENOENT) return {};
    return tl::unexpected(errno_failure("look at", link.target));
  }
  if (facts.st_uid != ::geteuid())
    return failed(fmt::format("{} points to {}, which belongs to user id {}; it is not removed",
                              link.path, link.target, facts.st_uid));
  const auto names = names_in(link.target);
  if (!names) return failed(names.error());
  if (!link.is_tablespace && !looks_like_wal(*names))
    return failed(fmt::format("{} points to {}, which holds more than WAL; it is not removed",
                              link.path, link.target));
  for (const std::string& name : *names) {
    // In a tablespace's directory PostgreSQL owns PG_<version>_<catalog> and nothing else.
    if (link.is_tablespace && !name.starts_with("PG_")) continue;
    if (auto done = remove_tree(link.target + "/" + name); !done) return done;
  }
  return {};
}

Attempt refuse_strange_path(const std::string& data_dir) {
  const fs::path path = fs::path(data_dir).lexically_normal();
  std::ptrdiff_t depth = 0;
  for (const auto& part : path.relative_path())
    if (!part.empty()) ++depth;
  if (!path.is_absolute() || depth < 2)
    return failed(
        fmt::format("refusing to empty '{}': a data directory has an absolute path of at "
                    "least two levels",
                    data_dir));
  return {};
}

Attempt make_directories(const std::string& path) {
  std::error_code error;
  fs::create_directories(path, error);
  if (!error) return {};
  return failed(
      fmt::format("cannot make {}: {}; give user id {} the right to write in its parent "
                  "directory, or make it for that user",
                  path, error.message(), ::geteuid()));
}

}  // namespace

DirectoryLook look_at_data_directory(const std::string& data_dir, Mark mark) {
  DirectoryLook look;
  struct stat facts{};
  if (::stat(data_dir.c_str(), &facts) != 0) {
    if (errno == ENOENT) {
      look.state = DataDirectory::Missing;
      return look;
    }
    return inaccessible(look, errno_failure("look at", data_dir).text);
  }
  if (!S_ISDIR(facts.st_mode)) return inaccessible(look, data_dir + " is not a directory");
  if (facts.st_uid != ::geteuid()) return inaccessible(look, ownership_problem(data_dir, facts));
  const auto names = names_in(data_dir);
  if (!names) return inaccessible(look, names.error());
  if (names->empty()) {
    look.state = DataDirectory::Missing;
    return look;
  }
  look = look_inside(data_dir, mark);
  const std::string problem = ownership_problem(data_dir, facts);
  if (look.state == DataDirectory::Valid && !problem.empty()) return inaccessible(look, problem);
  return look;
}

Attempt mark_unfinished(const std::string& data_dir) {
  const auto written = write_file_atomically(
      data_dir + "/" + kMarker,
      "pgherd is filling this directory; if it stops, all of it may go.\n", 0600);
  if (!written) return failed(written.error().text);
  return {};
}

Attempt keep_marked_unfinished(const std::string& data_dir) {
  return exists(data_dir + "/" + kMarker) ? Attempt{} : mark_unfinished(data_dir);
}

Attempt mark_finished(const std::string& data_dir) {
  const std::string marker = data_dir + "/" + kMarker;
  if (::unlink(marker.c_str()) != 0 && errno != ENOENT)
    return tl::unexpected(errno_failure("remove", marker));
  if (const auto synced = sync_directory(data_dir); !synced) return failed(synced.error().text);
  return {};
}

Attempt mark_rewinding(const std::string& data_dir) {
  const std::string text = rewind_marker_text(data_dir);
  if (write_file_atomically(data_dir + kRewindMarkerBeside, text, 0600)) return {};
  const auto inside = write_file_atomically(data_dir + kRewindMarkerInside, text, 0600);
  if (!inside) return failed(inside.error().text);
  return {};
}

Attempt mark_rewound(const std::string& data_dir) {
  for (const char* name : {kRewindMarkerBeside, kRewindMarkerInside}) {
    const std::string marker = data_dir + name;
    if (::unlink(marker.c_str()) != 0 && errno != ENOENT)
      return tl::unexpected(errno_failure("remove", marker));
  }
  return {};
}

Attempt make_empty_directory(const std::string& data_dir) {
  if (auto made = make_directories(data_dir); !made) return made;
  if (::chmod(data_dir.c_str(), 0700) != 0)
    return tl::unexpected(errno_failure("set mode 0700 of", data_dir));
  return {};
}

Attempt open_to_group_like_its_files(const std::string& data_dir) {
  struct stat facts{};
  const bool group_reads =
      ::stat((data_dir + "/PG_VERSION").c_str(), &facts) == 0 && (facts.st_mode & S_IRGRP) != 0;
  if (group_reads && ::chmod(data_dir.c_str(), 0750) != 0)
    return tl::unexpected(errno_failure("set mode 0750 of", data_dir));
  return {};
}

Attempt make_way_to(const std::string& data_dir) {
  if (exists(data_dir)) return make_empty_directory(data_dir);
  return make_directories(fs::path(data_dir).parent_path().string());
}

Answer<std::string> set_aside(const std::string& data_dir) {
  for (const Link& link : outside_links(data_dir))
    if (auto moved = move_link_target(link); !moved) return tl::unexpected(moved.error());
  std::string aside = free_name_beside(data_dir);
  if (::rename(data_dir.c_str(), aside.c_str()) == 0) {
    ::unlink((data_dir + kRewindMarkerBeside).c_str());  // stale from here on, by its inode
    return aside;
  }
  Failure failure = errno_failure("rename to " + aside, data_dir);
  failure.text +=
      "; move its content away by hand (a mount point cannot be renamed), then the node "
      "makes a fresh copy";
  return tl::unexpected(failure);
}

Attempt remove_data_directory(const std::string& data_dir) {
  if (auto path = refuse_strange_path(data_dir); !path) return path;
  struct stat facts{};
  if (::stat(data_dir.c_str(), &facts) != 0) {
    if (errno == ENOENT) return {};
    return tl::unexpected(errno_failure("look at", data_dir));
  }
  if (facts.st_uid != ::geteuid()) return failed(ownership_problem(data_dir, facts));
  const auto names = names_in(data_dir);
  if (!names) return failed(names.error());
  if (names->empty()) {
    ::rmdir(data_dir.c_str());
    return {};
  }
  if (!exists(data_dir + "/" + kMarker) && major_version_in(data_dir) == 0)
    return failed(data_dir +
                  " is not emptied: it holds no PostgreSQL cluster and nothing of pgherd's");
  // From here on what is left is ours to finish removing, also after a crash.
  if (auto marked = mark_unfinished(data_dir); !marked) return marked;
  for (const Link& link : outside_links(data_dir))
    if (auto emptied = empty_link_target(link); !emptied) return emptied;
  for (const std::string& name : *names)
    if (name != kMarker)
      if (auto removed = remove_tree(data_dir + "/" + name); !removed) return removed;
  if (auto unmarked = mark_finished(data_dir); !unmarked) return unmarked;
  ::rmdir(data_dir.c_str());  // or it stays, empty
  return {};
}

}  // namespace pgherd
