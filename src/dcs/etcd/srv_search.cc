#include "dcs/etcd/srv_search.h"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <exception>
#include <mutex>
#include <system_error>
#include <thread>
#include <utility>

namespace pgherd::etcd {

namespace {

constexpr Duration kPauseMax = 5s;
constexpr Duration kNotSooner = 3s;

}  // namespace

// Shared with the threads. Under its mutex an answer is posted to the loop: once closed, the loop
// is touched no more.
struct SrvSearch::Gate {
  std::mutex mutex;
  SrvSearch* owner = nullptr;  // null: closed. Changed on the loop only
};

SrvSearch::SrvSearch(Terms terms, boost::asio::any_io_executor loop, Clock& clock)
    : terms_(std::move(terms)),
      loop_(std::move(loop)),
      clock_(clock),
      gate_(std::make_shared<Gate>()) {
  gate_->owner = this;
  look();
}

SrvSearch::~SrvSearch() {
  const std::lock_guard lock(gate_->mutex);
  gate_->owner = nullptr;
}

void SrvSearch::look_again() {
  if (is_looking_ || next_ || clock_.now() - last_look_ < kNotSooner) return;
  look();
}

void SrvSearch::look() {
  next_.reset();
  is_looking_ = true;
  last_look_ = clock_.now();
  problem_ = "the SRV records of " + terms_.domain + " are being looked up";
  const auto work = [gate = gate_, loop = loop_, domain = terms_.domain, suffix = terms_.suffix,
                     ask = terms_.ask] {
    Result<SrvMembers, std::string> found = fail(std::string());
    try {
      found = members_by_srv(domain, suffix, ask);
    } catch (const std::exception& error) {  // out of memory
      found = fail(std::string(error.what()));
    }
    const std::lock_guard lock(gate->mutex);
    if (gate->owner == nullptr) return;
    boost::asio::post(loop, [gate, found = std::move(found)] {
      if (gate->owner != nullptr) gate->owner->looked(found);
    });
  };
  try {
    std::thread(work).detach();
  } catch (const std::system_error& error) {
    boost::asio::post(loop_, [gate = gate_, why = std::string(error.what())] {
      if (gate->owner != nullptr)
        gate->owner->looked(fail("no thread can be started to look for them: " + why));
    });
  }
}

std::string SrvSearch::problem_with(const Result<SrvMembers, std::string>& found) {
  const std::string of_whom = "the SRV records of " + terms_.domain + ": ";
  if (!found) return of_whom + found.error();
  if (*found == in_use_) return "";
  const std::string problem = terms_.use(*found);
  if (!problem.empty()) return of_whom + problem;
  in_use_ = *found;
  return "";
}

void SrvSearch::looked(const Result<SrvMembers, std::string>& found) {
  is_looking_ = false;
  problem_ = problem_with(found);
  if (!problem_.empty() && problem_ != told_ && terms_.tell) terms_.tell(problem_);
  told_ = problem_;
  if (problem_.empty()) {
    pause_ = 1s;
    return;
  }
  next_ = clock_.at(clock_.now() + pause_, [this] { look(); });
  pause_ = std::min<Duration>(pause_ * 2, kPauseMax);
}

}  // namespace pgherd::etcd
