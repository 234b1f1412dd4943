// Another member takes the leader's place while a client writes: what failover and partition have
// in common.
#pragma once

#include "drill/course.h"
#include "drill/ground.h"

namespace pgherd::drill {

struct Takeover {
  Course course;
  Instant fault;
  std::string what;  // the first line of the report: "PostgreSQL of 'a' is killed"
  // If the old leader still leads, and clients write, so long after the fault, nobody takes over.
  Duration to_be_sure{};
};

// Until all members follow the new leader, or that will not come about, or the patience is over.
void follow(const Drilled& drilled, const Client& client, Takeover& takeover);
// Ends the writing, and tells in the report what was seen.
void conclude(Client& client, const Takeover& takeover, Report& report);

}  // namespace pgherd::drill
