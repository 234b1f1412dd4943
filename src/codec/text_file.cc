#include "codec/text_file.h"

#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>

namespace pgherd {

Result<std::string, std::string> read_text_file(const std::string& path) {
  errno = 0;
  std::ifstream file(path, std::ios::binary);
  std::string text;
  // peek(): a directory can be opened, but not read.
  if (file && file.peek() != std::ifstream::traits_type::eof()) {
    text.assign(std::istreambuf_iterator<char>(file), {});
  }
  if (!file.is_open() || file.bad() || errno == EISDIR) {
    const int code = errno;
    return fail("cannot read the file '" + path +
                "': " + (code == 0 ? "input/output error" : std::strerror(code)));
  }
  return text;
}

}  // namespace pgherd
