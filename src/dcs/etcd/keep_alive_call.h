// KeepAliveCall: one LeaseKeepAlive. etcd offers it as a stream; here it is a stream of one
// question, because a question that is asked of two endpoints at once is simpler to give up than a
// stream is to share.
#pragma once

#include <functional>
#include <memory>

#include "dcs/etcd/calls.h"
#include "etcd.grpc.pb.h"

namespace pgherd::etcd {

class KeepAliveCall final : public Call, public std::enable_shared_from_this<KeepAliveCall> {
 public:
  // OK with a response, or anything else. Called on the loop, exactly once.
  using Then =
      std::function<void(const grpc::Status&, const etcdserverpb::LeaseKeepAliveResponse&)>;

  KeepAliveCall(Pump& pump, std::int64_t lease, Then then);
  // `context` must be prepared by then.
  void start(etcdserverpb::Lease::Stub& stub);

 private:
  void ask();
  void finish();

  Pump& pump_;
  Then then_;
  etcdserverpb::LeaseKeepAliveRequest request_;
  etcdserverpb::LeaseKeepAliveResponse response_;
  grpc::Status status_;
  std::unique_ptr<grpc::ClientAsyncReaderWriter<etcdserverpb::LeaseKeepAliveRequest,
                                                etcdserverpb::LeaseKeepAliveResponse>>
      stream_;
};

}  // namespace pgherd::etcd
