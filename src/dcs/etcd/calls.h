// Calls: single RPCs under way. A call keeps itself alive through its tags until gRPC is done with
// it; whoever started it keeps a pointer only to cancel it.
#pragma once

#include <grpcpp/client_context.h>
#include <grpcpp/support/async_unary_call.h>

#include <functional>
#include <memory>
#include <utility>

#include "dcs/etcd/pump.h"

namespace pgherd::etcd {

class Call {
 public:
  Call() = default;
  virtual ~Call() = default;
  Call(const Call&) = delete;
  Call& operator=(const Call&) = delete;

  // Its end is still told to whoever started it, unless the pump is closed before.
  void cancel() { context.TryCancel(); }

  grpc::ClientContext context;
};

template <typename Response>
class UnaryCall final : public Call {
 public:
  using Reader = std::unique_ptr<grpc::ClientAsyncResponseReader<Response>>;
  // Called on the loop, exactly once.
  using Then = std::function<void(const grpc::Status&, const Response&)>;

  // `begin(context, queue)` is a stub's Async<Method>; `prepare(context)` sets deadline and
  // metadata.
  template <typename Prepare, typename Begin>
  static std::shared_ptr<Call> start(Pump& pump, Prepare prepare, Begin begin, Then then) {
    auto call = std::make_shared<UnaryCall>();
    prepare(call->context);
    call->reader_ = begin(call->context, pump.queue());
    call->reader_->Finish(
        &call->response_, &call->status_,
        pump.tag([call, then = std::move(then)](bool) { then(call->status_, call->response_); }));
    return call;
  }

 private:
  Response response_;
  grpc::Status status_;
  Reader reader_;
};

}  // namespace pgherd::etcd
