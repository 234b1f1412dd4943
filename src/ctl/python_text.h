// Values of SQL as patronictl prints them. It is Python's print() of what psycopg2 makes of a
// value, and scripts read that: True, None, [1, 2], 1 day, 2:03:04. Pure.
#pragma once

#include <cstdint>
#include <string>

#include "ctl/table.h"

namespace pgherd::ctl {

// `oid`: of its type in PostgreSQL's catalog pg_type; `text`: the value as PostgreSQL sends it,
// with DateStyle ISO and IntervalStyle postgres. A text that is not of its type's form, and a value
// of any other type, stays as it is. JSON and YAML get numbers, booleans, arrays and objects as
// such; what has no JSON (NaN) as text.
[[nodiscard]] Cell python_cell(std::uint32_t oid, const std::string& text);
// The value NULL.
[[nodiscard]] Cell python_none();

}  // namespace pgherd::ctl
