// Scratch: the directory in which a backup is restored for a trial, and which is gone afterwards.
//
// What is in use is never touched: the directory has to be new or empty (or what a restore test
// that was killed left behind), the caller's own, and neither inside nor above a data directory.
#pragma once

#include <cstdint>
#include <set>
#include <string>

#include "runtime/unique_fd.h"

namespace pgherd::backup {

// Why it may not be used in view of the data directories that are known; "" if it may. `path` and
// they are absolute, and without symbolic links.
[[nodiscard]] std::string conflict_with(const std::string& path,
                                        const std::set<std::string>& data_dirs);

class Scratch {
 public:
  // Makes it, mode 0700, and holds it until the end. Throws Refusal, with what to do.
  // `bytes_needed`: has to be free there.
  Scratch(const std::string& path, const std::set<std::string>& data_dirs,
          std::int64_t bytes_needed);
  // Removes what is in it, and itself unless it was there before. What cannot be removed is said
  // on stderr.
  ~Scratch();
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;

  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] std::string data() const { return path_ + "/data"; }
  [[nodiscard]] std::string tablespaces() const { return path_ + "/tablespaces"; }
  [[nodiscard]] std::string socket_dir() const { return path_ + "/socket"; }
  [[nodiscard]] std::string file(const std::string& name) const { return path_ + "/" + name; }

 private:
  void claim_existing();
  void hold();
  void fill();

  std::string path_;
  bool was_there_ = false;
  UniqueFd lock_;
};

// Where a stanza is restored if nobody says where.
[[nodiscard]] std::string default_scratch(const std::string& stanza);

}  // namespace pgherd::backup
