// `pgherd drill`: the door for main().
#pragma once

#include <string>
#include <vector>

namespace pgherd::drill {

// `words`: what follows "drill". The exit status: 0 the cluster did what it is there for, 1 it did
// not or that could not be found out, 2 the words are wrong or the drill is refused and nothing was
// done, 128 + N ended by signal N.
[[nodiscard]] int drill_main(const std::vector<std::string>& words);

}  // namespace pgherd::drill
