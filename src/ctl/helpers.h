// The programs that edit-config borrows: an editor and a pager.
#pragma once

#include <string>
#include <string_view>

namespace pgherd::ctl {

// Lets the person edit `text` in a temporary file whose name begins with `name` and ends in .yaml,
// with $EDITOR, `editor` or `vi`. CtlError when there is none, or it fails.
[[nodiscard]] std::string edited(std::string_view name, const std::string& text);

// Shows `text` through $PAGER, `less` or `more`. CtlError when there is none.
void show_paged(const std::string& text);

// CtlError names the file and why it cannot be read.
[[nodiscard]] std::string file_text(const std::string& path);

}  // namespace pgherd::ctl
