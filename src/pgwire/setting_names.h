// SettingNames: the settings with a dot in their name ("app.tenant") that a session's statements
// have named in SET or set_config(). PostgreSQL lists every setting but those that no extension has
// defined, so whoever wants to know them all has to remember whom to ask for. What a function sets
// inside is not seen.
#pragma once

#include <set>
#include <string>
#include <string_view>

namespace pgherd::pgwire {

class SettingNames {
 public:
  static constexpr std::size_t kNamesMax = 64;

  // A statement that passes, or several. Costs about a nanosecond a byte.
  void look_at(std::string_view statement);
  // One that was too long to be looked at.
  void overlook() { is_complete_ = false; }

  // As they were written, in small letters.
  [[nodiscard]] const std::set<std::string>& names() const { return names_; }
  // False: there may be others, for a name was computed, or there were too many.
  [[nodiscard]] bool is_complete() const { return is_complete_; }

 private:
  void look_after_set(std::string_view rest);
  void look_after_set_config(std::string_view rest);
  void enter(std::string_view name);

  std::set<std::string> names_;
  bool is_complete_ = true;
};

}  // namespace pgherd::pgwire
