#include "runtime/name_lookup.h"

#include <gtest/gtest.h>

#include <atomic>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <condition_variable>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <thread>
#include <utility>

namespace pgherd {
namespace {

using boost::asio::ip::make_address;

NameError silence() {
  return {.kind = NameErrorKind::NoAnswer, .text = "temporary failure"};
}
NameError gone() {
  return {.kind = NameErrorKind::Gone, .text = "no such host"};
}

// A name server that answers as it is told, and of some names only when it is told to.
class NameServer {
 public:
  LookupResult operator()(const std::string& host) {
    std::unique_lock lock(mutex_);
    ++asked_[host];
    changed_.notify_all();
    changed_.wait(lock, [&] { return !silent_about_.contains(host); });
    ++answered_;
    changed_.notify_all();
    const auto found = hosts_.find(host);
    if (found == hosts_.end()) return fail(gone());
    return found->second;
  }
  void set(const std::string& host, LookupResult result) {
    const std::lock_guard lock(mutex_);
    hosts_.insert_or_assign(host, std::move(result));
  }
  void set(const std::string& host, const char* address) {
    set(host, LookupResult(HostAddresses{make_address(address)}));
  }
  void fall_silent_about(const std::string& host) {
    const std::lock_guard lock(mutex_);
    silent_about_.insert(host);
  }
  void speak() {
    const std::lock_guard lock(mutex_);
    silent_about_.clear();
    changed_.notify_all();
  }
  [[nodiscard]] int times_asked(const std::string& host) {
    const std::lock_guard lock(mutex_);
    return asked_[host];
  }
  void wait_until_asked(int hosts) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return static_cast<int>(asked_.size()) >= hosts; });
  }
  void wait_until_answered(int times) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return answered_ >= times; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<std::string, LookupResult> hosts_;
  std::set<std::string> silent_about_;
  std::map<std::string, int> asked_;
  int answered_ = 0;
};

using Found = Result<FoundHost, NameError>;
using Slot = std::shared_ptr<std::optional<Found>>;

// One loop with a name server. Threads that still ask it keep it alive.
class Asker {
 public:
  Asker() {
    boost::asio::use_service<NameLookup>(loop).ask_by(
        [server = server](const std::string& host) { return (*server)(host); });
  }
  ~Asker() { server->speak(); }

  Slot begin(const std::string& host, Duration patience, OldAddresses old) {
    auto slot = std::make_shared<std::optional<Found>>();
    boost::asio::co_spawn(loop, look_up(host, patience, old),
                          [slot](const std::exception_ptr& thrown, Found found) {
                            if (thrown) std::rethrow_exception(thrown);
                            *slot = std::move(found);
                          });
    return slot;
  }
  Found end(const Slot& slot) {
    loop.restart();
    while (!slot->has_value() && loop.run_one() > 0) {
    }
    return **slot;
  }
  Found ask(const std::string& host, Duration patience = 20s,
            OldAddresses old = OldAddresses::Welcome) {
    return end(begin(host, patience, old));
  }

  std::shared_ptr<NameServer> server = std::make_shared<NameServer>();
  boost::asio::io_context loop{1};
};

std::string said(const Found& found) {
  if (!found) return found.error().text;
  return found->addresses.at(0).to_string() + (found->are_remembered ? " (old)" : "");
}

Duration since(std::chrono::steady_clock::time_point begin) {
  return std::chrono::steady_clock::now() - begin;
}

TEST(NameLookup, FindsHosts) {
  Asker asker;
  asker.server->set("a", "10.0.0.1");
  EXPECT_EQ(said(asker.ask("a")), "10.0.0.1");
  EXPECT_EQ(said(asker.ask("nobody")), "no such host");
  EXPECT_EQ(said(asker.ask("::1")), "::1");
  EXPECT_EQ(asker.server->times_asked("::1"), 0);
}

TEST(NameLookup, AsksTheSystem) {
  boost::asio::io_context loop{1};
  std::optional<Found> found;
  boost::asio::co_spawn(loop, look_up("localhost", 20s, OldAddresses::Refused),
                        [&](const std::exception_ptr&, Found had) { found = std::move(had); });
  loop.run();
  ASSERT_TRUE(*found) << found->error().text;
  EXPECT_TRUE((*found)->addresses.at(0).is_loopback());
}

TEST(NameLookup, ANameThatHangsHoldsUpNoOther) {
  Asker asker;
  asker.server->fall_silent_about("dead");
  asker.server->set("a", "10.0.0.1");
  const Slot dead = asker.begin("dead", 20s, OldAddresses::Welcome);
  const Slot second = asker.begin("a", 20s, OldAddresses::Welcome);
  EXPECT_EQ(said(asker.end(second)), "10.0.0.1");
  EXPECT_FALSE(dead->has_value());
  asker.server->set("dead", "10.0.0.9");
  asker.server->speak();
  EXPECT_EQ(said(asker.end(dead)), "10.0.0.9");
}

TEST(NameLookup, AsksOnceForAllWhoWaitForAHost) {
  Asker asker;
  asker.server->fall_silent_about("a");
  asker.server->set("a", "10.0.0.1");
  std::vector<Slot> slots;
  for (int i = 0; i < 10; ++i)
    slots.push_back(asker.begin("a", 20s, OldAddresses::Welcome));
  asker.loop.poll();
  asker.server->speak();
  for (const Slot& slot : slots)
    EXPECT_EQ(said(asker.end(slot)), "10.0.0.1");
  EXPECT_EQ(asker.server->times_asked("a"), 1);
}

TEST(NameLookup, GivesUpWhenPatienceEnds) {
  Asker asker;
  asker.server->fall_silent_about("dead");
  EXPECT_EQ(said(asker.ask("dead", 20ms)), "the name server did not answer in time");
}

TEST(NameLookup, RemembersWhileTheServerIsSilent) {
  Asker asker;
  asker.server->set("a", "10.0.0.1");
  (void)asker.ask("a");
  asker.server->fall_silent_about("a");
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_EQ(said(asker.ask("a", 20s)), "10.0.0.1 (old)");
  EXPECT_LT(since(begin), 5s);
  EXPECT_EQ(said(asker.ask("a", 20ms, OldAddresses::Refused)),
            "the name server did not answer in time");
}

// One silence is waited for once, not again by everybody who asks during it.
TEST(NameLookup, DoesNotWaitAgainForAServerThatIsSilent) {
  Asker asker;
  asker.server->set("a", "10.0.0.1");
  (void)asker.ask("a");
  asker.server->fall_silent_about("a");
  (void)asker.ask("a", 20s);
  const auto begin = std::chrono::steady_clock::now();
  for (int i = 0; i < 40; ++i)
    EXPECT_EQ(said(asker.ask("a", 20s)), "10.0.0.1 (old)");
  EXPECT_LT(since(begin), 5s);
  EXPECT_EQ(asker.server->times_asked("a"), 2);
}

TEST(NameLookup, RemembersWhileTheServerFails) {
  Asker asker;
  asker.server->set("a", "10.0.0.1");
  (void)asker.ask("a");
  asker.server->set("a", LookupResult(fail(silence())));
  EXPECT_EQ(said(asker.ask("a")), "10.0.0.1 (old)");
  EXPECT_EQ(said(asker.ask("a", 20s, OldAddresses::Refused)), "temporary failure");
}

TEST(NameLookup, ForgetsAHostThatIsGone) {
  Asker asker;
  asker.server->set("a", "10.0.0.1");
  (void)asker.ask("a");
  asker.server->set("a", LookupResult(fail(gone())));
  EXPECT_EQ(said(asker.ask("a", 20s, OldAddresses::Refused)), "no such host");
  asker.server->fall_silent_about("a");
  EXPECT_EQ(said(asker.ask("a", 20ms)), "the name server did not answer in time");
}

TEST(NameLookup, TakesAChangedAddress) {
  Asker asker;
  asker.server->set("a", "10.0.0.1");
  (void)asker.ask("a");
  asker.server->set("a", "10.0.0.2");
  EXPECT_EQ(said(asker.ask("a", 20s, OldAddresses::Refused)), "10.0.0.2");
  asker.server->fall_silent_about("a");
  EXPECT_EQ(said(asker.ask("a")), "10.0.0.2 (old)");
}

TEST(NameLookup, KeepsWhatComesTooLateForWhoAsked) {
  Asker asker;
  asker.server->set("a", "10.0.0.1");
  asker.server->fall_silent_about("a");
  EXPECT_FALSE(asker.ask("a", 20ms));
  asker.server->speak();
  asker.server->wait_until_answered(1);
  // The answer is on its way into the memory: whoever asks now either joins it or asks anew.
  EXPECT_EQ(said(asker.ask("a", 20s, OldAddresses::Refused)), "10.0.0.1");
  asker.server->set("a", LookupResult(fail(silence())));
  EXPECT_EQ(said(asker.ask("a")), "10.0.0.1 (old)");
}

TEST(NameLookup, RefusesToWaitForMoreNamesThanAnyHerdHas) {
  Asker asker;
  for (int i = 0; i < 32; ++i) {
    const std::string host = "dead" + std::to_string(i);
    asker.server->fall_silent_about(host);
    (void)asker.begin(host, 20s, OldAddresses::Welcome);
  }
  asker.loop.poll();
  asker.server->set("a", "10.0.0.1");
  EXPECT_EQ(said(asker.ask("a")),
            "32 names are being looked up already, and the name server is silent");
}

TEST(NameLookup, MayEndWhileALookupHangs) {
  auto server = std::make_shared<NameServer>();
  server->fall_silent_about("dead");
  std::weak_ptr<NameServer> asked = server;
  {
    boost::asio::io_context loop{1};
    boost::asio::use_service<NameLookup>(loop).ask_by(
        [server](const std::string& host) { return (*server)(host); });
    boost::asio::co_spawn(loop, look_up("dead", 20s, OldAddresses::Welcome),
                          [](const std::exception_ptr&, const Found&) { FAIL(); });
    loop.poll();
    server->wait_until_asked(1);
  }
  server->speak();  // the answer meets no loop
  server.reset();
  while (!asked.expired())
    std::this_thread::yield();
}

}  // namespace
}  // namespace pgherd
