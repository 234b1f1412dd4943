// SyncNames: what synchronous_standby_names says, as a value: who must have a commit before it is
// acknowledged. Every form that PostgreSQL takes can be read; ours is written.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "model/ids.h"

namespace pgherd {

// PostgreSQL compares these names without regard to case (ASCII letters).
struct NameLess {
  using is_transparent = void;
  [[nodiscard]] bool operator()(std::string_view left, std::string_view right) const;
};
[[nodiscard]] bool same_name(std::string_view left, std::string_view right);

using NameSet = std::set<NodeName, NameLess>;

[[nodiscard]] NameSet united(const NameSet& left, const NameSet& right);
[[nodiscard]] NameSet common(const NameSet& left, const NameSet& right);
[[nodiscard]] NameSet without(const NameSet& all, const NameSet& gone);
[[nodiscard]] bool is_within(const NameSet& part, const NameSet& whole);
[[nodiscard]] std::string joined(const NameSet& names);  // "b, c"; "nobody" when there is none

// No member may be called that: it stands for a synchronous standby that does not exist, so that
// commits wait (Patroni 4.2; before that, `*`).
inline constexpr std::string_view kNobodysName = "__patroni_strict_sync_replica_placeholder__";

struct SyncNames {
  enum class Method { First, Any };
  Method method = Method::First;
  int count = 0;  // how many of them must have a commit; 0 only when nobody is listed
  NameSet names;
  // `*` is among them: any client that streams satisfies it, so it names no member.
  bool has_star = false;

  // Commits wait for nobody.
  [[nodiscard]] bool is_empty() const { return names.empty() && !has_star; }
  // Each commit is on all of them before it is acknowledged.
  [[nodiscard]] bool demands_all() const {
    return !has_star && count >= static_cast<int>(names.size());
  }
  friend bool operator==(const SyncNames&, const SyncNames&) = default;
};

// FIRST n (all of them).
[[nodiscard]] SyncNames all_of(NameSet names);
[[nodiscard]] SyncNames any_of(int count, NameSet names);
// Waits for the one who does not exist; `method` as the mode writes it.
[[nodiscard]] SyncNames nobody_yet(SyncNames::Method method);

// nullopt for text that PostgreSQL would not take. "" is an empty value.
[[nodiscard]] std::optional<SyncNames> parse_sync_names(std::string_view text);
// `"b"`, `2 ("b","c")`, `ANY 1 ("b","c")`; "" for nobody (as Patroni writes it).
[[nodiscard]] std::string to_string(const SyncNames& names);

}  // namespace pgherd
