// Every key of the configuration that is known, in one table: what a value of it looks like, who
// looks at it, when a change of it counts, since when there is such a key. The readers take a value
// only by its row here (config_reader.h, settings_values.cc): a key that has none, or one of
// another form, cannot be read. What is right in a file, what is said of keys in the wrong one of
// the two configurations (config_keys.h, config_not_served.h) and of a reload that does not do
// (config_reload.h) is made of it; tests hold docs/configuration.md, the configuration that is
// generated, and what each key does against it. For the codec room only.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace pgherd {

enum class WhenRead {
  AtReload,    // of the file: SIGHUP, POST /reload
  AtStart,     // of the agent
  AtOnce,      // the dynamic configuration alone has it, a change counts on all members
  NewCluster,  // nothing comes of it once there is a cluster
  Never,       // it is not served: config_not_served.h has what holds without it
};

// What a value of a key looks like.
struct Form {
  enum class Kind {
    Text,     // one value; what else it must be, its reader says
    Flag,     // true or false, in the words that YAML and PostgreSQL have for them
    Number,   // a whole one, from `lowest` to `highest`
    Word,     // one of `words`
    Address,  // host:port
    Lines,    // a list of texts
    Words,    // a list of texts, or one text with commas between them
    Texts,    // a map of names to texts
    Options,  // of a program: a list of words and one-key maps, or a map
    Other,    // of more than one form, or below it stands what nobody has listed
  };
  Kind kind = Kind::Other;
  std::int64_t lowest = 0;
  std::int64_t highest = 0;
  std::string_view words;  // "plain, json"
};

struct KnownKey {
  // "restapi.listen". A `*` is each of the users of postgresql.authentication. What etcd3 has the
  // section etcd has as well; what is shared bootstrap.dcs.postgresql as well.
  std::string_view path;
  Form form;
  WhenRead read = WhenRead::Never;
  // The room below src/ that does something by it, and the word by which it does: the field of a
  // configuration or of settings. Both "" where it is never read.
  std::string_view room;
  std::string_view word;
  // The version of Patroni that brought it, kNextOfPatroni or kOurs.
  std::string_view since;
  bool is_shared = false;  // of `postgresql`: the dynamic configuration may have it, too
};

// In Patroni's repository, and not released when 4.1.4 was the newest.
inline constexpr std::string_view kNextOfPatroni = "4.2";
inline constexpr std::string_view kOurs = "pgherd";

[[nodiscard]] const std::vector<KnownKey>& config_table();
// The row of a key, by its whole path as it stands in a file; nullptr if there is none.
[[nodiscard]] const KnownKey* row_of(const std::string& path);
// Whether rows of the table say what stands below `path`: "restapi", and "" for the top. Below any
// other stands what a person has named: a method, a logger, a parameter.
[[nodiscard]] bool is_section_of_table(const std::string& path);

}  // namespace pgherd
