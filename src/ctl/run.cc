#include "ctl/run.h"

#include <fmt/format.h>

#include <exception>

#include "ctl/errors.h"

namespace pgherd::ctl {

int guarded(Console& console, const std::function<int()>& act) {
  try {
    return act();
  } catch (const UsageError& error) {
    console.complain(error.what());
    return 2;
  } catch (const Aborted& error) {
    console.complain(error.what());
    return 1;
  } catch (const std::exception& error) {
    console.complain(fmt::format("Error: {}", error.what()));
    return 1;
  }
}

}  // namespace pgherd::ctl
