#include "model/instance_view.h"

#include <string_view>

namespace pgherd {
namespace {

std::string counted(std::uint64_t number, std::string_view what) {
  return std::to_string(number) + " " + std::string(what) + (number == 1 ? "" : "s");
}

}  // namespace

std::string describe(const LostWal& lost) {
  return to_string(lost.from) + " to " + to_string(lost.to) + ": " +
         counted(lost.records, "record") + ", " + counted(lost.commits, "commit") + ", " +
         counted(lost.aborts, "abort");
}

}  // namespace pgherd
