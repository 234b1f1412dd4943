// `pgherd backup`: the door for main().
#pragma once

#include <string>
#include <vector>

namespace pgherd::backup {

// `words`: what follows "backup". The exit status: 0 it is so, 1 it is not or could not be found
// out, 2 the words are wrong or what they ask for is refused, 128 + N ended by signal N.
[[nodiscard]] int backup_main(const std::vector<std::string>& words);

}  // namespace pgherd::backup
