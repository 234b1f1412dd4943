#include "dcs/etcd/keep_alive_call.h"

namespace pgherd::etcd {

KeepAliveCall::KeepAliveCall(Pump& pump, std::int64_t lease, Then then)
    : pump_(pump), then_(std::move(then)) {
  request_.set_id(lease);
}

void KeepAliveCall::start(etcdserverpb::Lease::Stub& stub) {
  stream_ = stub.PrepareAsyncLeaseKeepAlive(&context, &pump_.queue());
  stream_->StartCall(pump_.tag([self = shared_from_this()](bool ok) {
    if (ok)
      self->ask();
    else
      self->finish();
  }));
}

void KeepAliveCall::ask() {
  // A failed write is told by the read that then fails as well. Not the last one of the stream:
  // etcd's grpc-proxy gives up a stream whose client has closed its side, before it has answered.
  stream_->Write(request_, pump_.tag([self = shared_from_this()](bool) {}));
  stream_->Read(&response_, pump_.tag([self = shared_from_this()](bool ok) {
    if (ok)
      self->then_(grpc::Status::OK, self->response_);
    else
      self->finish();
  }));
}

void KeepAliveCall::finish() {
  stream_->Finish(&status_, pump_.tag([self = shared_from_this()](bool) {
    if (self->status_.ok())
      self->status_ = {grpc::StatusCode::UNAVAILABLE, "the stream ended without an answer"};
    self->then_(self->status_, self->response_);
  }));
}

}  // namespace pgherd::etcd
