#include "runtime/pid_watch.h"

#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <cerrno>
#include <cstring>
#include <utility>

#include "runtime/pidfd.h"
#include "runtime/unique_fd.h"

namespace pgherd {
namespace asio = boost::asio;

class PidWatch::State : public std::enable_shared_from_this<State> {
 public:
  State(const asio::any_io_executor& loop, std::function<void()> ended)
      : pidfd_(loop), ended_(std::move(ended)) {}

  void wait(UniqueFd pidfd) {
    pidfd_.assign(pidfd.release());
    pidfd_.async_wait(asio::posix::descriptor_base::wait_read,
                      [self = shared_from_this()](boost::system::error_code error) {
                        if (!error) self->tell();
                      });
  }
  void tell_soon() {
    asio::post(pidfd_.get_executor(), [self = shared_from_this()] { self->tell(); });
  }
  void close() {
    ended_ = nullptr;
    boost::system::error_code ignored;
    pidfd_.close(ignored);
  }

 private:
  void tell() {
    if (const auto ended = std::exchange(ended_, nullptr)) ended();
  }
  asio::posix::stream_descriptor pidfd_;
  std::function<void()> ended_;
};

PidWatch::PidWatch(std::shared_ptr<State> state) : state_(std::move(state)) {}
PidWatch::~PidWatch() {
  state_->close();
}

Result<std::unique_ptr<PidWatch>, std::string> PidWatch::start(const asio::any_io_executor& loop,
                                                               const ProcessIdentity& process,
                                                               std::function<void()> ended) {
  auto state = std::make_shared<State>(loop, std::move(ended));
  std::unique_ptr<PidWatch> watch(new PidWatch(state));
  UniqueFd pidfd(open_pidfd(process.pid));
  if (!pidfd.is_open() && errno != ESRCH)
    return fail("cannot watch process " + std::to_string(process.pid) + ": " +
                std::strerror(errno));
  if (pidfd.is_open() && is_running(process))
    state->wait(std::move(pidfd));
  else
    state->tell_soon();
  return watch;
}

}  // namespace pgherd
