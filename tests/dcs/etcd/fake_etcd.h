// FakeEtcd: a server that speaks etcd's interface and says what a case wants to hear: an answer
// from the past, a refusal, or nothing at all. Handlers run on gRPC's threads; they are set before
// anybody asks.
#pragma once

#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>

#include "etcd.grpc.pb.h"

namespace pgherd::etcd {

// Holds a handler back until the case is over.
class Gate {
 public:
  void wait() {
    std::unique_lock lock(mutex_);
    opened_.wait(lock, [this] { return is_open_; });
  }
  void open() {
    const std::lock_guard lock(mutex_);
    is_open_ = true;
    opened_.notify_all();
  }

 private:
  std::mutex mutex_;
  std::condition_variable opened_;
  bool is_open_ = false;
};

class FakeEtcd {
 public:
  FakeEtcd() {
    grpc::ServerBuilder builder;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port_);
    builder.RegisterService(&kv_);
    server_ = builder.BuildAndStart();
  }
  ~FakeEtcd() {
    gate.open();
    server_->Shutdown(std::chrono::system_clock::now() + std::chrono::seconds(1));
  }
  FakeEtcd(const FakeEtcd&) = delete;
  FakeEtcd& operator=(const FakeEtcd&) = delete;

  [[nodiscard]] std::string endpoint() const { return "127.0.0.1:" + std::to_string(port_); }

  static void fill(etcdserverpb::ResponseHeader& header, std::uint64_t term,
                   std::int64_t revision) {
    header.set_cluster_id(1);
    header.set_member_id(1);
    header.set_raft_term(term);
    header.set_revision(revision);
  }

  std::function<grpc::Status(const etcdserverpb::TxnRequest&, etcdserverpb::TxnResponse&)> on_txn;
  std::function<grpc::Status(const etcdserverpb::RangeRequest&, etcdserverpb::RangeResponse&)>
      on_range;
  Gate gate;  // opened at the latest when the server ends

 private:
  class Kv final : public etcdserverpb::KV::Service {
   public:
    explicit Kv(FakeEtcd& owner) : owner_(owner) {}
    grpc::Status Txn(grpc::ServerContext* /*context*/, const etcdserverpb::TxnRequest* request,
                     etcdserverpb::TxnResponse* response) override {
      return owner_.on_txn(*request, *response);
    }
    grpc::Status Range(grpc::ServerContext* /*context*/, const etcdserverpb::RangeRequest* request,
                       etcdserverpb::RangeResponse* response) override {
      return owner_.on_range(*request, *response);
    }

   private:
    FakeEtcd& owner_;
  };

  Kv kv_{*this};
  int port_ = 0;
  std::unique_ptr<grpc::Server> server_;
};

}  // namespace pgherd::etcd
