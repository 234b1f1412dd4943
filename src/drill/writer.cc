#include "drill/writer.h"

#include <fmt/format.h>

#include "runtime/asio_clock.h"

namespace pgherd::drill {
namespace {

constexpr Duration kBetweenWrites = 10ms;
constexpr Duration kBetweenDoors = 20ms;
// A client that has waited so long for a connection, or for its commit, tries another way.
constexpr Duration kConnectPatience = 1s;
constexpr Duration kCommitPatience = 2s;

}  // namespace

Writer::Writer(std::vector<std::string> doors, std::string table)
    : doors_(std::move(doors)), table_(std::move(table)), thread_([this] { run(); }) {}

Writer::~Writer() {
  stop();
}

void Writer::stop() {
  stops_ = true;
  if (thread_.joinable()) thread_.join();
}

WriteRecord Writer::record() const {
  const std::lock_guard lock(mutex_);
  return record_;
}

void Writer::run() {
  while (!stops_) {
    if (session_) {
      write();
    } else {
      connect();
    }
    std::this_thread::sleep_for(session_ ? kBetweenWrites : kBetweenDoors);
  }
}

void Writer::connect() {
  try {
    session_.emplace(doors_[door_], kConnectPatience);
  } catch (const SqlFailure& failure) {
    door_ = (door_ + 1) % doors_.size();
    note_failure(failure);
  }
}

void Writer::write() {
  // A row that was tried is never tried again: whether it is there may be unknown.
  const std::int64_t row = next_row_++;
  try {
    session_->execute(fmt::format("insert into {} (row) values ({})", table_, row),
                      kCommitPatience);
    const std::lock_guard lock(mutex_);
    record_.acknowledged.push_back({.row = row, .at = boottime_now()});
  } catch (const SqlFailure& failure) {
    session_.reset();
    note_failure(failure);
    const std::lock_guard lock(mutex_);
    record_.unknown += failure.may_have_arrived ? 1 : 0;
  }
}

void Writer::note_failure(const SqlFailure& failure) {
  const std::lock_guard lock(mutex_);
  record_.last_failure = failure.what();
}

}  // namespace pgherd::drill
