#include "dcs/etcd/pump.h"

#include <pthread.h>
#include <signal.h>

#include <boost/asio/post.hpp>
#include <utility>

namespace pgherd::etcd {

namespace {

// Signals are the main thread's business.
class SignalsBlocked {
 public:
  SignalsBlocked() {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  ~SignalsBlocked() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  SignalsBlocked(const SignalsBlocked&) = delete;
  SignalsBlocked& operator=(const SignalsBlocked&) = delete;

 private:
  sigset_t before_{};
};

}  // namespace

Pump::Pump(boost::asio::any_io_executor loop)
    : loop_(std::move(loop)), is_open_(std::make_shared<bool>(true)) {
  const SignalsBlocked blocked;
  thread_ = std::thread([this] { run(); });
}

Pump::~Pump() {
  close();
}

void* Pump::tag(std::function<void(bool)> then) {
  return std::make_unique<Tag>(Tag{std::move(then)}).release();
}

void Pump::run() {
  void* raw = nullptr;
  bool ok = false;
  while (queue_.Next(&raw, &ok)) {
    std::unique_ptr<Tag> tag(static_cast<Tag*>(raw));
    if (is_closing_) {
      leftovers_.push_back(std::move(tag));
      continue;
    }
    boost::asio::post(loop_, [tag = std::move(tag), ok, is_open = is_open_] {
      if (*is_open) tag->then(ok);
    });
  }
}

void Pump::close() {
  if (!thread_.joinable()) return;
  *is_open_ = false;
  is_closing_ = true;
  queue_.Shutdown();
  thread_.join();
  leftovers_.clear();
}

}  // namespace pgherd::etcd
