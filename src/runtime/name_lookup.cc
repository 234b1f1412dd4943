#include "runtime/name_lookup.h"

#include <fmt/format.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <chrono>
#include <cstring>
#include <map>
#include <mutex>
#include <optional>
#include <system_error>
#include <thread>
#include <utility>

#include "runtime/await_answer.h"

namespace pgherd {
namespace {

namespace asio = boost::asio;
using Clock = std::chrono::steady_clock;

constexpr std::size_t kLookupsMax = 32;
constexpr std::size_t kRememberedMax = 256;
constexpr Duration kSilenceMax = 250ms;

auto no_answer(std::string text) {
  return fail(NameError{.kind = NameErrorKind::NoAnswer, .text = std::move(text)});
}

std::optional<asio::ip::address> address_of(const addrinfo& info) {
  if (info.ai_family == AF_INET) {
    sockaddr_in v4{};
    std::memcpy(&v4, info.ai_addr, sizeof v4);
    return asio::ip::address_v4(ntohl(v4.sin_addr.s_addr));
  }
  if (info.ai_family != AF_INET6) return std::nullopt;
  sockaddr_in6 v6{};
  std::memcpy(&v6, info.ai_addr, sizeof v6);
  asio::ip::address_v6::bytes_type bytes;
  std::memcpy(bytes.data(), &v6.sin6_addr, bytes.size());
  return asio::ip::address_v6(bytes, v6.sin6_scope_id);
}

LookupResult ask_system(const std::string& host) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;  // else each address comes once for every kind of socket
  addrinfo* list = nullptr;
  const int error = ::getaddrinfo(host.c_str(), nullptr, &hints, &list);
  const std::unique_ptr<addrinfo, void (*)(addrinfo*)> owned(list, [](addrinfo* all) {
    if (all != nullptr) ::freeaddrinfo(all);
  });
  if (error != 0) {
    const bool is_gone = error == EAI_NONAME || error == EAI_NODATA;
    return fail(NameError{.kind = is_gone ? NameErrorKind::Gone : NameErrorKind::NoAnswer,
                          .text = ::gai_strerror(error)});
  }
  HostAddresses addresses;
  for (const addrinfo* one = list; one != nullptr; one = one->ai_next) {
    if (const auto address = address_of(*one)) addresses.push_back(*address);
  }
  if (!addresses.empty()) return addresses;
  return fail(NameError{.kind = NameErrorKind::Gone, .text = "it has no address"});
}

}  // namespace

// Shared with the threads, which may outlive the loop. Everything under the mutex, also the posting
// to loops: once closed, no loop is touched any more.
struct NameLookup::State : std::enable_shared_from_this<NameLookup::State> {
  struct Waiter {
    asio::any_io_executor loop;
    std::function<void(LookupResult)> answer;
  };
  struct UnderWay {
    Clock::time_point since;
    std::map<std::uint64_t, Waiter> waiters;
  };
  struct Remembered {
    HostAddresses addresses;
    std::uint64_t last_wanted = 0;  // a count, not a time
  };

  std::mutex mutex;
  bool is_closed = false;
  Ask ask = ask_system;
  std::map<std::string, UnderWay> under_way;
  std::map<std::string, Remembered> remembered;
  std::uint64_t last_number = 0;

  void join(const std::string& host, std::uint64_t number, Waiter waiter);
  void leave(const std::string& host, std::uint64_t number);
  void close();

 private:
  std::string start(const std::string& host);  // why not, "" when it is under way
  void finish(const std::string& host, const LookupResult& result);
  void keep(const std::string& host, const LookupResult& result);
};

void NameLookup::State::join(const std::string& host, std::uint64_t number, Waiter waiter) {
  const std::lock_guard lock(mutex);
  std::string problem = under_way.contains(host) ? "" : start(host);
  if (problem.empty()) {
    under_way[host].waiters.emplace(number, std::move(waiter));
    return;
  }
  const auto loop = waiter.loop;
  asio::post(loop, [answer = std::move(waiter.answer), problem = std::move(problem)] {
    answer(no_answer(problem));
  });
}

std::string NameLookup::State::start(const std::string& host) {
  if (under_way.size() >= kLookupsMax) {
    return fmt::format("{} names are being looked up already, and the name server is silent",
                       kLookupsMax);
  }
  try {
    std::thread([self = shared_from_this(), host, asks = ask] {
      LookupResult result = no_answer("the lookup failed");
      try {
        result = asks(host);
      } catch (const std::exception& error) {  // out of memory
        result = no_answer(error.what());
      }
      self->finish(host, result);
    }).detach();
  } catch (const std::system_error& error) {
    return fmt::format("cannot start a thread for the lookup: {}", error.what());
  }
  under_way[host].since = Clock::now();
  return "";
}

void NameLookup::State::finish(const std::string& host, const LookupResult& result) {
  const std::lock_guard lock(mutex);
  if (is_closed) return;
  keep(host, result);
  auto node = under_way.extract(host);
  for (auto& [number, waiter] : node.mapped().waiters) {
    asio::post(waiter.loop, [answer = std::move(waiter.answer), result] { answer(result); });
  }
}

// A server that says "no such host" has answered: what was known of the host is history, and to
// keep asking at an address that is free for others would cost each round its whole patience.
void NameLookup::State::keep(const std::string& host, const LookupResult& result) {
  if (!result && result.error().kind == NameErrorKind::Gone) remembered.erase(host);
  if (!result) return;
  remembered[host] = {.addresses = *result, .last_wanted = ++last_number};
  if (remembered.size() <= kRememberedMax) return;
  remembered.erase(std::min_element(remembered.begin(), remembered.end(),
                                    [](const auto& one, const auto& other) {
                                      return one.second.last_wanted < other.second.last_wanted;
                                    }));
}

void NameLookup::State::leave(const std::string& host, std::uint64_t number) {
  std::optional<Waiter> gone;  // ends on the waiter's own loop, after the mutex is free
  const std::lock_guard lock(mutex);
  const auto found = under_way.find(host);
  if (found == under_way.end()) return;
  auto waiter = found->second.waiters.extract(number);
  if (waiter) gone = std::move(waiter.mapped());
}

void NameLookup::State::close() {
  std::map<std::string, UnderWay> abandoned;
  const std::lock_guard lock(mutex);
  is_closed = true;
  abandoned.swap(under_way);
}

asio::execution_context::id NameLookup::id;

NameLookup::NameLookup(asio::execution_context& context)
    : asio::execution_context::service(context), state_(std::make_shared<State>()) {}

void NameLookup::shutdown() {
  state_->close();
}

void NameLookup::ask_by(Ask ask) {
  const std::lock_guard lock(state_->mutex);
  state_->ask = std::move(ask);
}

namespace {

// One who waits; the lookup goes on when he loses patience.
class Place {
 public:
  Place(std::shared_ptr<NameLookup::State> state, std::string host)
      : state_(std::move(state)), host_(std::move(host)) {
    const std::lock_guard lock(state_->mutex);
    number_ = ++state_->last_number;
  }
  ~Place() { state_->leave(host_, number_); }
  Place(const Place&) = delete;
  Place& operator=(const Place&) = delete;

  // What is remembered; empty when nothing is.
  [[nodiscard]] HostAddresses remembered() const {
    const std::lock_guard lock(state_->mutex);
    const auto found = state_->remembered.find(host_);
    if (found == state_->remembered.end()) return {};
    found->second.last_wanted = number_;
    return found->second.addresses;
  }
  // Since when the present lookup has been under way; now, if there is none yet.
  [[nodiscard]] Clock::time_point asked_since() const {
    const std::lock_guard lock(state_->mutex);
    const auto found = state_->under_way.find(host_);
    return found == state_->under_way.end() ? Clock::now() : found->second.since;
  }
  void take(asio::any_io_executor loop, std::function<void(LookupResult)> answer) const {
    state_->join(host_, number_, {.loop = std::move(loop), .answer = std::move(answer)});
  }

 private:
  std::shared_ptr<NameLookup::State> state_;
  std::string host_;
  std::uint64_t number_ = 0;
};

}  // namespace

asio::awaitable<Result<FoundHost, NameError>> look_up(std::string host, Duration patience,
                                                      OldAddresses old) {
  boost::system::error_code no_literal;
  const auto literal = asio::ip::make_address(host, no_literal);
  if (!no_literal) {
    FoundHost itself{.addresses = {literal}, .are_remembered = false};
    co_return itself;
  }
  const asio::any_io_executor loop = co_await asio::this_coro::executor;
  auto& context = asio::query(loop, asio::execution::context);
  const Place place(asio::use_service<NameLookup>(context).state(), host);
  FoundHost known{.addresses = {}, .are_remembered = true};
  if (old == OldAddresses::Welcome) known.addresses = place.remembered();
  Duration limit = patience;
  if (!known.addresses.empty()) {
    const auto silent_until = place.asked_since() + std::min<Duration>(patience / 4, kSilenceMax);
    limit = std::max<Duration>(silent_until - Clock::now(), Duration::zero());
  }
  std::function<void(std::function<void(LookupResult)>)> start = [&place, &loop](auto answer) {
    place.take(loop, std::move(answer));
  };
  const auto came = co_await await_answer<LookupResult>(limit, start);
  if (came && *came) {
    FoundHost found{.addresses = **came, .are_remembered = false};
    co_return found;
  }
  const bool is_gone = came && came->error().kind == NameErrorKind::Gone;
  if (!is_gone && !known.addresses.empty()) co_return known;
  if (came) co_return fail(came->error());
  co_return no_answer("the name server did not answer in time");
}

}  // namespace pgherd
