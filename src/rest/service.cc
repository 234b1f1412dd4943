#include "rest/service.h"
#include "runtime/await_answer.h"

namespace pgherd {

boost::asio::awaitable<Result<ClusterView, Refusal>> fresh_cluster(
    std::shared_ptr<RestService> service) {
  using Read = Result<ClusterView, DcsError>;
  std::function<void(std::function<void(Read)>)> start = [&](auto answer) {
    service->node.read_cluster(std::move(answer));
  };
  auto read = co_await await_answer<Read>(kStoreLimit, start);
  if (!read) co_return fail(Refusal{503, "the store does not answer"});
  if (!*read) co_return fail(Refusal{503, "cannot read the store: " + read->error().text});
  co_return std::move(**read);
}

}  // namespace pgherd
