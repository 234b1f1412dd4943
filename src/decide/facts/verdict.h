// Verdict: what one look at an election says: run, wait for an answer, or leave it to others.
#pragma once

#include <string>
#include <string_view>
#include <utility>

namespace pgherd {

struct Verdict {
  enum class Kind { Run, Wait, No } kind = Kind::Run;
  std::string_view rule;
  std::string why;
  // Of one member that stands in the way: by being a primary, by its timeline, by anything else.
  enum class By { Other, Primary, Timeline } by = By::Other;

  [[nodiscard]] bool runs() const { return kind == Kind::Run; }
  [[nodiscard]] static Verdict run() { return {}; }
  [[nodiscard]] static Verdict wait_for(std::string why) {
    return {Kind::Wait, {}, std::move(why), By::Other};
  }
  [[nodiscard]] static Verdict no(std::string_view rule, std::string why, By by = By::Other) {
    return {Kind::No, rule, std::move(why), by};
  }
};

}  // namespace pgherd
