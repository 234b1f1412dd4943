#include "dcs/etcd/translate.h"

#include <google/protobuf/repeated_field.h>

namespace pgherd::etcd {

namespace {

namespace pb = etcdserverpb;

void fill(const Compare& from, pb::Compare& to) {
  to.set_result(pb::Compare::EQUAL);
  to.set_key(from.key);
  switch (from.what) {
    case Compare::What::CreateRevision:
      to.set_target(pb::Compare::CREATE);
      to.set_create_revision(from.number);
      break;
    case Compare::What::ModRevision:
      to.set_target(pb::Compare::MOD);
      to.set_mod_revision(from.number);
      break;
    case Compare::What::Value:
      to.set_target(pb::Compare::VALUE);
      to.set_value(from.text);
      break;
    case Compare::What::Lease:
      to.set_target(pb::Compare::LEASE);
      to.set_lease(from.number);
      break;
  }
}

void fill(const Put& from, pb::RequestOp& to) {
  auto* op = &to;
  if (from.only_if_absent) {
    auto* nested = to.mutable_request_txn();
    fill(Compare{.what = Compare::What::CreateRevision, .key = from.key, .number = 0, .text = {}},
         *nested->add_compare());
    op = nested->add_success();
  }
  auto* put = op->mutable_request_put();
  put->set_key(from.key);
  put->set_value(from.value);
  put->set_lease(from.lease.value);
}

void fill(const std::vector<Write>& from, google::protobuf::RepeatedPtrField<pb::RequestOp>& to) {
  for (const auto& write : from) {
    auto* op = to.Add();
    if (const auto* put = std::get_if<Put>(&write))
      fill(*put, *op);
    else
      op->mutable_request_delete_range()->set_key(std::get<Delete>(write).key);
  }
}

}  // namespace

std::string end_of(const std::string& prefix) {
  std::string end = prefix;
  while (!end.empty() && static_cast<unsigned char>(end.back()) == 0xFF)
    end.pop_back();
  if (end.empty()) return std::string(1, '\0');  // etcd: to the end of everything
  end.back() = static_cast<char>(static_cast<unsigned char>(end.back()) + 1);
  return end;
}

bool writes_something(const Transaction& transaction) {
  return !transaction.writes.empty() || !transaction.otherwise.empty();
}

pb::TxnRequest request_of(const Transaction& transaction) {
  pb::TxnRequest request;
  for (const auto& compare : transaction.compares)
    fill(compare, *request.add_compare());
  fill(transaction.writes, *request.mutable_success());
  fill(transaction.otherwise, *request.mutable_failure());
  if (writes_something(transaction) || transaction.compares.empty()) return request;
  // A transaction without operations counts as serializable for etcd (v3_server.go,
  // isTxnSerializable), and a member that lags would answer from its past. One linearizable range
  // makes the whole of it linearizable, and confirming leadership needs that.
  for (auto* op : {request.add_success(), request.add_failure()}) {
    op->mutable_request_range()->set_key(transaction.compares.front().key);
    op->mutable_request_range()->set_serializable(false);
  }
  return request;
}

Header header_of(const pb::ResponseHeader& header) {
  return {.cluster_id = header.cluster_id(),
          .member_id = header.member_id(),
          .revision = Revision{header.revision()},
          .raft_term = header.raft_term()};
}

KeyValue entry_of(const pb::KeyValue& entry) {
  return {.key = entry.key(),
          .value = entry.value(),
          .create_revision = Revision{entry.create_revision()},
          .mod_revision = Revision{entry.mod_revision()},
          .lease = LeaseId{entry.lease()}};
}

WatchEvent event_of(const pb::Event& event) {
  WatchEvent seen{.is_deletion = event.type() == pb::Event::DELETE, .entry = entry_of(event.kv())};
  if (seen.is_deletion) {
    seen.entry.value.clear();
    seen.entry.create_revision = {};
    seen.entry.lease = {};
  }
  return seen;
}

}  // namespace pgherd::etcd
