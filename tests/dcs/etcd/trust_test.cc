// What EtcdDcs makes of answers that are late, lost, contradictory or old.

#include <gtest/gtest.h>

#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <cstdint>
#include <memory>
#include <optional>

#include "dcs/etcd/etcd_dcs.h"
#include "dcs/etcd/fake_etcd.h"
#include "runtime/asio_clock.h"

namespace pgherd::etcd {
namespace {

namespace pb = etcdserverpb;

class Trust : public testing::Test {
 protected:
  std::unique_ptr<EtcdDcs> client_of(std::vector<std::string> endpoints) {
    EtcdConfig config;
    config.endpoints = std::move(endpoints);
    config.use_proxies = true;  // the fakes have no member list
    return std::make_unique<EtcdDcs>(config, loop.get_executor(), clock);
  }

  template <typename T, typename Ask>
  Result<T, DcsError> wait_for(Ask ask) {
    std::optional<Result<T, DcsError>> got;
    ask([&](Result<T, DcsError> answer) { got.emplace(std::move(answer)); });
    const auto hang = clock.now() + 60s;
    while (!got && clock.now() < hang) {
      loop.restart();
      loop.run_one_for(std::chrono::seconds(1));
    }
    if (!got) return fail(DcsError{DcsErrorKind::Unavailable, "THE REQUEST WAS NEVER ANSWERED"});
    return std::move(*got);
  }
  Result<Committed, DcsError> acquire(EtcdDcs& dcs, Duration limit) {
    Transaction transaction{.compares = {{.what = Compare::What::CreateRevision,
                                          .key = "/leader",
                                          .number = 0,
                                          .text = {}}},
                            .writes = {Put{.key = "/leader", .value = "pg1", .lease = {}}},
                            .otherwise = {}};
    return wait_for<Committed>([&](auto answer) {
      dcs.commit(std::move(transaction), clock.now() + limit, std::move(answer));
    });
  }
  Result<Snapshot, DcsError> read(EtcdDcs& dcs, ReadMode mode, Duration limit = 10s) {
    return wait_for<Snapshot>(
        [&](auto answer) { dcs.read("/", mode, clock.now() + limit, std::move(answer)); });
  }

  static auto answers_txn(bool succeeded, std::uint64_t term, std::int64_t revision) {
    return [=](const pb::TxnRequest&, pb::TxnResponse& response) {
      FakeEtcd::fill(*response.mutable_header(), term, revision);
      response.set_succeeded(succeeded);
      return grpc::Status::OK;
    };
  }
  static auto answers_range(std::uint64_t term, std::int64_t revision) {
    return [=](const pb::RangeRequest&, pb::RangeResponse& response) {
      FakeEtcd::fill(*response.mutable_header(), term, revision);
      return grpc::Status::OK;
    };
  }

  // Which endpoint is asked first must not depend on which connected first: here it is `first`.
  void let_be_first(EtcdDcs& dcs, FakeEtcd& first, FakeEtcd& second) {
    first.on_range = answers_range(5, 10);
    second.on_range = [](const pb::RangeRequest&, pb::RangeResponse&) {
      return grpc::Status(grpc::StatusCode::UNAVAILABLE, "etcdserver: not now");
    };
    const auto answer = read(dcs, ReadMode::Linearizable);
    ASSERT_TRUE(answer) << answer.error().text;
  }

  boost::asio::io_context loop;
  AsioClock clock{loop.get_executor()};
};

TEST_F(Trust, ARefusalAfterALostAnswerIsUnknownForTheWriteMayBeOurs) {
  FakeEtcd loses;
  FakeEtcd refuses;
  loses.on_txn = [](const pb::TxnRequest&, pb::TxnResponse&) {
    return grpc::Status(grpc::StatusCode::UNAVAILABLE, "etcdserver: leader changed");
  };
  refuses.on_txn = answers_txn(false, 5, 100);
  const auto dcs = client_of({loses.endpoint(), refuses.endpoint()});
  let_be_first(*dcs, loses, refuses);
  const auto outcome = acquire(*dcs, 10s);
  ASSERT_FALSE(outcome) << "refused would make us give up a key that may be ours";
  EXPECT_EQ(outcome.error().kind, DcsErrorKind::Unavailable);
  EXPECT_NE(outcome.error().text.find("leader changed"), std::string::npos) << outcome.error().text;
}

TEST_F(Trust, ARefusalWhileAnotherAnswerIsOutIsUnknown) {
  FakeEtcd silent;
  FakeEtcd refuses;
  silent.on_txn = [&](const pb::TxnRequest&, pb::TxnResponse&) {
    silent.gate.wait();
    return grpc::Status::OK;
  };
  refuses.on_txn = answers_txn(false, 5, 100);
  const auto dcs = client_of({silent.endpoint(), refuses.endpoint()});
  let_be_first(*dcs, silent, refuses);
  const auto outcome = acquire(*dcs, 2s);
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().kind, DcsErrorKind::Unavailable) << outcome.error().text;
}

TEST_F(Trust, TheLateAnswerThatItWasAppliedIsWorthMoreThanTheRefusal) {
  FakeEtcd slow;
  FakeEtcd refuses;
  slow.on_txn = [&](const pb::TxnRequest& request, pb::TxnResponse& response) {
    slow.gate.wait();
    return answers_txn(true, 5, 100)(request, response);
  };
  refuses.on_txn = [&](const pb::TxnRequest& request, pb::TxnResponse& response) {
    slow.gate.open();
    return answers_txn(false, 5, 100)(request, response);
  };
  const auto dcs = client_of({slow.endpoint(), refuses.endpoint()});
  let_be_first(*dcs, slow, refuses);
  const auto outcome = acquire(*dcs, 10s);
  ASSERT_TRUE(outcome) << outcome.error().text;
  EXPECT_TRUE(outcome->succeeded);
}

TEST_F(Trust, ARefusalByTheOnlyOneWhoWasReachedIsARefusal) {
  FakeEtcd refuses;
  refuses.on_txn = answers_txn(false, 5, 100);
  const auto dcs = client_of({"127.0.0.1:1", refuses.endpoint()});
  const auto outcome = acquire(*dcs, 10s);
  ASSERT_TRUE(outcome) << outcome.error().text;
  EXPECT_FALSE(outcome->succeeded);
}

TEST_F(Trust, AWriteIsNotPutToASecondEndpointAtOnce) {
  FakeEtcd first;
  FakeEtcd second;
  std::atomic<int> asked_second = 0;
  first.on_txn = answers_txn(true, 5, 100);
  second.on_txn = [&](const pb::TxnRequest& request, pb::TxnResponse& response) {
    ++asked_second;
    return answers_txn(true, 5, 101)(request, response);
  };
  const auto dcs = client_of({first.endpoint(), second.endpoint()});
  let_be_first(*dcs, first, second);
  ASSERT_TRUE(acquire(*dcs, 20s));
  ASSERT_TRUE(acquire(*dcs, 20s));
  EXPECT_EQ(asked_second, 0);
}

TEST_F(Trust, AMemberOfAnOlderTermIsNotBelieved) {
  FakeEtcd present;
  FakeEtcd past;
  const auto dcs = client_of({present.endpoint(), past.endpoint()});
  let_be_first(*dcs, present, past);
  present.on_range = answers_range(7, 100);
  past.on_range = answers_range(6, 200);
  ASSERT_TRUE(read(*dcs, ReadMode::Serializable));
  present.on_range = [](const pb::RangeRequest&, pb::RangeResponse&) {
    return grpc::Status(grpc::StatusCode::UNAVAILABLE, "etcdserver: server stopped");
  };
  const auto outcome = read(*dcs, ReadMode::Serializable, 1s);
  ASSERT_FALSE(outcome);
  EXPECT_NE(outcome.error().text.find("lags behind"), std::string::npos) << outcome.error().text;
}

TEST_F(Trust, ASerializableReadIsNeverOlderThanWhatWasSeen) {
  FakeEtcd lagging;
  std::atomic<int> linearizable = 0;
  lagging.on_range = answers_range(7, 100);
  const auto dcs = client_of({lagging.endpoint()});
  ASSERT_TRUE(read(*dcs, ReadMode::Serializable));
  lagging.on_range = [&](const pb::RangeRequest& request, pb::RangeResponse& response) {
    const std::int64_t revision = request.serializable() ? 90 : 110;
    linearizable += request.serializable() ? 0 : 1;
    return answers_range(7, revision)(request, response);
  };
  const auto snapshot = read(*dcs, ReadMode::Serializable);
  ASSERT_TRUE(snapshot) << snapshot.error().text;
  EXPECT_EQ(snapshot->revision, Revision{110});
  EXPECT_EQ(linearizable, 1) << "the quorum is asked when members lag";
}

TEST_F(Trust, AStoreRestoredFromABackupIsAcceptedOnceTheQuorumSaysSo) {
  FakeEtcd restored;
  restored.on_range = answers_range(7, 1000);
  const auto dcs = client_of({restored.endpoint()});
  ASSERT_TRUE(read(*dcs, ReadMode::Serializable));
  restored.on_range = answers_range(7, 50);
  EXPECT_EQ(read(*dcs, ReadMode::Serializable)->revision, Revision{50});
  EXPECT_EQ(read(*dcs, ReadMode::Serializable)->revision, Revision{50});
}

TEST_F(Trust, AnEndpointThatTakesTheConnectionAndSaysNothingIsPassedOver) {
  boost::asio::ip::tcp::acceptor mute(
      loop, {boost::asio::ip::address_v4::loopback(), 0});  // the kernel accepts; nobody reads
  FakeEtcd good;
  good.on_range = answers_range(7, 100);
  const auto dcs =
      client_of({"127.0.0.1:" + std::to_string(mute.local_endpoint().port()), good.endpoint()});
  EXPECT_TRUE(read(*dcs, ReadMode::Linearizable, 5s));
}

}  // namespace
}  // namespace pgherd::etcd
