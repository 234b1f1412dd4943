// Pump: carries what gRPC has finished over to the owner's loop. One thread waits on the completion
// queue and does nothing else; all thinking happens on the loop.
//
// Threads: everything here is called on the loop. Nothing is called back after `close` or
// destruction.
#pragma once

#include <grpcpp/completion_queue.h>

#include <atomic>
#include <boost/asio/any_io_executor.hpp>
#include <functional>
#include <memory>
#include <thread>
#include <vector>

namespace pgherd::etcd {

class Pump {
 public:
  explicit Pump(boost::asio::any_io_executor loop);
  ~Pump();
  Pump(const Pump&) = delete;
  Pump& operator=(const Pump&) = delete;

  [[nodiscard]] grpc::CompletionQueue& queue() { return queue_; }

  // A tag for exactly one operation on the queue. When gRPC is done with it, `then` is called on
  // the loop with gRPC's verdict. What `then` holds is destroyed on the loop.
  [[nodiscard]] void* tag(std::function<void(bool ok)> then);

  // Every call must have been cancelled before; waits until gRPC has let go of them, which is at
  // once.
  void close();

 private:
  struct Tag {
    std::function<void(bool)> then;
  };
  void run();

  boost::asio::any_io_executor loop_;
  grpc::CompletionQueue queue_;
  std::shared_ptr<bool> is_open_;  // read and written on the loop only
  std::atomic<bool> is_closing_{false};
  std::vector<std::unique_ptr<Tag>> leftovers_;  // the thread's, until it is joined
  std::thread thread_;
};

}  // namespace pgherd::etcd
