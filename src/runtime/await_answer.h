// Waiting in a coroutine for an answer that comes by callback, with a limit.
//
// The callback holds nothing of the coroutine: it may come late, never, or after the waiting
// coroutine is gone. Everything happens on one loop.
#pragma once

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <utility>

#include "base/instant.h"

namespace pgherd {

// Errors come as values: `const auto [error, size] = co_await ...(kAsTuple)`.
inline constexpr auto kAsTuple = boost::asio::as_tuple(boost::asio::use_awaitable);

// Calls `start` with the callback, then waits for it. nullopt: it did not come within `limit`.
template <typename T>
boost::asio::awaitable<std::optional<T>> await_answer(
    Duration limit, std::function<void(std::function<void(T)>)> start) {
  struct Pending {
    explicit Pending(const boost::asio::any_io_executor& loop) : timer(loop) {}
    boost::asio::steady_timer timer;
    std::optional<T> value;
    bool is_over = false;
  };
  auto pending = std::make_shared<Pending>(co_await boost::asio::this_coro::executor);
  pending->timer.expires_after(limit);
  start([pending](T value) {
    if (pending->value || pending->is_over) return;
    pending->value.emplace(std::move(value));
    pending->timer.cancel();
  });
  if (!pending->value) {
    const auto [ignored] = co_await pending->timer.async_wait(kAsTuple);
    static_cast<void>(ignored);
  }
  pending->is_over = true;
  co_return std::move(pending->value);
}

}  // namespace pgherd
