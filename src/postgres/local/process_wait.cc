#include "postgres/local/process_wait.h"

#include <fmt/core.h>

#include <charconv>
#include <csignal>
#include <string>

#include "runtime/files.h"

namespace pgherd {
namespace {

// The word after `field` at the beginning of a line.
std::optional<std::string_view> word_of(std::string_view text, std::string_view field) {
  const std::string head = "\n" + std::string(field);
  const auto at = text.find(head);
  if (at == std::string_view::npos) return std::nullopt;
  text.remove_prefix(at + head.size());
  text.remove_prefix(std::min(text.find_first_not_of(" \t"), text.size()));
  return text.substr(0, text.find_first_of(" \t\n"));
}

std::optional<std::uint64_t> number_of(std::string_view text, std::string_view field, int base) {
  const auto word = word_of(text, field);
  if (!word) return std::nullopt;
  std::uint64_t number = 0;
  const auto read = std::from_chars(word->data(), word->data() + word->size(), number, base);
  if (read.ec != std::errc{}) return std::nullopt;
  return number;
}

}  // namespace

std::optional<ProcessWait> parse_process_wait(std::string_view text) {
  const auto state = word_of(text, "State:");
  const auto own = number_of(text, "SigPnd:", 16);
  const auto shared = number_of(text, "ShdPnd:", 16);
  const auto sleeps = number_of(text, "voluntary_ctxt_switches:", 10);
  const auto interruptions = number_of(text, "nonvoluntary_ctxt_switches:", 10);
  if (!state || state->empty() || !own || !shared || !sleeps || !interruptions) return std::nullopt;
  constexpr std::uint64_t kHangup = 1ULL << (SIGHUP - 1);
  return ProcessWait{.state = state->front(),
                     .has_hangup_pending = ((*own | *shared) & kHangup) != 0,
                     .sleeps = *sleeps,
                     .interruptions = *interruptions};
}

std::optional<ProcessWait> look_at_process(std::int64_t pid) {
  const auto text = read_file(fmt::format("/proc/{}/status", pid));
  if (!text) return std::nullopt;
  return parse_process_wait(*text);
}

}  // namespace pgherd
