// A context for tests: a store in memory, time that jumps, members that answer as they were told, a
// person who has written down the answers beforehand.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "codec/dcs_values.h"
#include "ctl/command_line.h"
#include "ctl/context.h"
#include "ctl/log.h"
#include "ctl/run.h"
#include "dcs/memory/memory_dcs.h"

namespace pgherd::ctl::test {

// Time goes on when somebody waits, straight to the next alarm.
class JumpingClock final : public Clock {
 public:
  [[nodiscard]] Instant now() const override { return now_; }
  [[nodiscard]] WallTime wall_now() const override {
    return WallTime{kBegin + now_.nanoseconds() / 1000};
  }
  [[nodiscard]] std::unique_ptr<Alarm> at(Instant when, std::function<void()> then) override {
    auto alarm = std::make_unique<Entry>(*this, next_);
    calls_.emplace(std::pair(when, next_++), std::move(then));
    return alarm;
  }
  // Before each turn: what the world does meanwhile. May throw, to end a command that never ends.
  std::function<void()> meanwhile;

  void turn() {
    if (meanwhile) meanwhile();
    if (calls_.empty()) throw std::logic_error("waiting for something that cannot happen");
    auto call = calls_.extract(calls_.begin());
    if (call.key().first > now_) now_ = call.key().first;
    call.mapped()();
  }

 private:
  static constexpr std::int64_t kBegin = 1785542400000000;  // 2026-08-01 00:00:00 UTC
  using Key = std::pair<Instant, std::uint64_t>;
  struct Entry final : Alarm {
    Entry(JumpingClock& its_clock, std::uint64_t its_id) : clock(its_clock), id(its_id) {}
    ~Entry() override {
      std::erase_if(clock.calls_, [this](const auto& call) { return call.first.second == id; });
    }
    JumpingClock& clock;
    std::uint64_t id;
  };
  Instant now_ = Instant::from_nanoseconds(0);
  std::uint64_t next_ = 1;
  std::map<Key, std::function<void()>> calls_;
};

// Members answer in the order that was written down; who has nothing to say is not reached.
class PretendedMembers final : public MemberApi {
 public:
  PretendedMembers& answers(int status, std::string body) {
    script_.push_back(ApiReply{.status = status, .body = std::move(body)});
    return *this;
  }
  PretendedMembers& is_not_reached(std::string text = "connection refused") {
    script_.push_back(fail(ApiFailure{.may_have_arrived = false, .text = std::move(text)}));
    return *this;
  }
  PretendedMembers& falls_silent(std::string text = "no answer") {
    script_.push_back(fail(ApiFailure{.may_have_arrived = true, .text = std::move(text)}));
    return *this;
  }
  Result<ApiReply, ApiFailure> call(const ApiRequest& request) override {
    asked.push_back(request.method + " " + request.url + " " + request.body);
    if (on_call) on_call(request);
    if (script_.empty()) return fail(ApiFailure{.text = "connection refused"});
    auto answer = script_.front();
    script_.pop_front();
    return answer;
  }
  std::vector<std::string> asked;
  std::function<void(const ApiRequest&)> on_call;

 private:
  std::deque<Result<ApiReply, ApiFailure>> script_;
};

struct Ran {
  int exit_code = 0;
  std::string out;
  std::string err;
};

class ADesk {
 public:
  JumpingClock clock;
  MemoryStore memory;
  PretendedMembers members;
  std::string scope;
  LogLevel log_level = LogLevel::Warning;

  void put(const std::string& key, const std::string& value) {
    Transaction transaction;
    transaction.writes.push_back(Put{.key = "/service/orders/" + key, .value = value});
    (void)memory.commit(transaction);
  }
  void put_member(const Member& member) { put("members/" + member.name, encode_member(member)); }
  std::string value_of(const std::string& key) const {
    const auto found = memory.get("/service/orders/" + key);
    return found ? found->value : std::string("(none)");
  }

  // Runs the words as a person would, who answers prompts with the lines of `typed`.
  Ran run(std::vector<std::string> words, const std::string& typed = "") {
    std::istringstream in(typed);
    std::ostringstream out;
    std::ostringstream err;
    Console console(in, out, err);
    console.show_log_from(log_level);
    const int exit_code = guarded(console, [&] {
      const Invocation invocation = parse_command_line("pgherd ctl", words);
      if (invocation.help) {
        console.print(*invocation.help);
        return 0;
      }
      if (invocation.run_alone) return invocation.run_alone(console);
      MemoryDcs dcs(memory, clock);
      Store store(dcs, Loop{.clock = clock, .turn = [this] { clock.turn(); }});
      LoggedMemberApi api(members, console, clock);
      CtlContext context{.console = console, .store = store, .api = api, .scope = scope};
      if (invocation.access.table) context.table = *invocation.access.table;
      return invocation.run(context);
    });
    return {exit_code, out.str(), err.str()};
  }
};

}  // namespace pgherd::ctl::test
