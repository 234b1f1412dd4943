// Tags: from the object in the configuration or in a member's key to their effective meaning.
#pragma once

#include <string_view>

#include "model/member.h"

namespace pgherd {

// `json`: the `tags` object; anything else gives the defaults. Rules as Patroni's
// (tags.py): a flag beats its priority; a priority <= 0 is the flag; flags that
// are not set are not published, except `nofailover`/`nosync` beside their priority, where an
// explicit false says something.
[[nodiscard]] Tags decode_tags(std::string_view json);

// What a member has published. Patroni publishes a word as it was written, and to itself every word
// is "set", "false" too (it is a text); so it will act, and so it is taken. `nostream` it reads.
[[nodiscard]] Tags decode_member_tags(std::string_view json);

// The same, and never to be chosen as a synchronous standby: published by one that is about to
// restart or to leave (`nosync: true, sync_priority: 0`, as Patroni does).
[[nodiscard]] Tags released_from_sync(const Tags& tags);

}  // namespace pgherd
