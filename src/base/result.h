// Result<T, E>: the answer of an operation that is expected to fail at times (store lost, peer
// silent, instance refusing). It is [[nodiscard]]: whoever calls must look. The alias exists so
// that std::expected can take over in one line when the project moves to C++23.
#pragma once

#include <tl/expected.hpp>

namespace pgherd {

template <typename T, typename E>
using Result = tl::expected<T, E>;

// Makes the failing side of a Result: `return fail(Error{...});`
template <typename E>
[[nodiscard]] constexpr auto fail(E&& error) {
  return tl::unexpected<std::decay_t<E>>(std::forward<E>(error));
}

}  // namespace pgherd
