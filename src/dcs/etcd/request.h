// Request: one question to the store, put to as many endpoints as its deadline allows.
//
//   asks the best endpoint -> silence for a while: asks the next as well (the first goes on)
//                          -> no connection, or an error that another endpoint may not have: the
//                          next
//                          -> none is left: the silent ones anew, by other connections
//   every endpoint failed  -> a short pause, then from the beginning
//   the deadline           -> Unavailable, with what each endpoint said last
//
// A write that may have been applied by one attempt is not reported as refused because of another.
//
// Threads: the owner's loop. The session holds it until it has answered.
#pragma once

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "dcs/etcd/session.h"

namespace pgherd::etcd {

struct Question {
  std::string what;     // "commit", for the error's text
  bool writes = false;  // asking twice is not the same as asking once
  bool needs_token = true;
};

template <typename T>
class Request final : public Pending, public std::enable_shared_from_this<Request<T>> {
 public:
  using Outcome = std::function<void(Result<T, Setback>)>;
  // Starts one call to `endpoint`, which ends in exactly one outcome, on the loop, not from inside.
  using Attempt = std::function<std::shared_ptr<Call>(Endpoint& endpoint, Outcome outcome)>;

  static void start(EtcdSession& session, Question question, Instant deadline, Attempt attempt,
                    DcsAnswer<T> answer) {
    auto request = std::make_shared<Request>(session, std::move(question), deadline,
                                             std::move(attempt), std::move(answer));
    session.hold(request);
    request->begin();
  }

  Request(EtcdSession& session, Question question, Instant deadline, Attempt attempt,
          DcsAnswer<T> answer)
      : session_(session),
        question_(std::move(question)),
        asked_at_(session.clock.now()),
        deadline_(deadline),
        attempt_(std::move(attempt)),
        answer_(std::move(answer)) {}

  void abandon() override {
    is_over_ = true;
    end_.reset();
    next_.reset();
    for (const auto& call : calls_)
      call->cancel();
    calls_.clear();
  }

 private:
  using Weak = std::weak_ptr<Request>;

  // How long one endpoint may be silent before another is asked as well.
  [[nodiscard]] Duration patience() const {
    const auto share =
        (deadline_ - asked_at_) / static_cast<std::int64_t>(session_.endpoints.all().size() + 1);
    return question_.writes ? std::clamp<Duration>(share, 300ms, 2s)
                            : std::clamp<Duration>(share, 100ms, 1s);
  }

  [[nodiscard]] std::unique_ptr<Alarm> alarm(Instant when, void (Request::*then)()) {
    return session_.clock.at(when, [weak = Weak(this->shared_from_this()), then] {
      if (const auto self = weak.lock(); self && !self->is_over_) (self.get()->*then)();
    });
  }

  void begin() {
    end_ = alarm(deadline_, &Request::deadline_came);
    ask_with_token(nullptr);
  }

  // `endpoint`: this one again; null: the next one.
  void ask_with_token(const std::shared_ptr<Endpoint>& endpoint) {
    if (!question_.needs_token) {
      ask(endpoint);
      return;
    }
    session_.with_token(
        [weak = Weak(this->shared_from_this()), endpoint](const std::optional<DcsError>& problem) {
          const auto self = weak.lock();
          if (!self || self->is_over_) return;
          if (problem && is_denied(problem->kind))
            self->finish(fail(*problem));
          else if (problem)
            self->pause(problem->text);
          else
            self->ask(endpoint);
        });
  }

  void ask(const std::shared_ptr<Endpoint>& wanted) {
    const auto endpoint = wanted ? wanted : next_endpoint();
    if (!endpoint) {
      pause({});
      return;
    }
    tried_.insert(endpoint->name);
    if (endpoint->member_id != 0) tried_members_.insert(endpoint->member_id);
    ++under_way_;
    silent_.insert(endpoint);
    calls_.push_back(attempt_(*endpoint, [weak = Weak(this->shared_from_this()), endpoint,
                                          token = session_.token()](Result<T, Setback> result) {
      const auto self = weak.lock();
      if (!self || self->is_over_) return;
      self->came_back(endpoint, token, std::move(result));
    }));
    next_ = alarm(session_.clock.now() + patience(), &Request::lose_patience);
  }

  // The best that was not asked in this round, nor still owes an answer, nor is a second way to a
  // member that was asked.
  [[nodiscard]] std::shared_ptr<Endpoint> next_endpoint() const {
    for (const auto& endpoint : session_.endpoints.ranked(session_.clock.now()))
      if (!tried_.contains(endpoint->name) && !silent_.contains(endpoint) &&
          !tried_members_.contains(endpoint->member_id))
        return endpoint;
    return nullptr;
  }

  void lose_patience() {
    if (refused_) {
      finish(
          fail(unknown("refused by one endpoint while another, that was asked before, is silent")));
      return;
    }
    for (const auto& endpoint : silent_)
      session_.suspect(*endpoint, "silent for " + text_of(patience()));
    if (!next_endpoint()) look_for_another_way();
    ask_with_token(nullptr);
  }

  // A proxy holds on to the member that it has chosen for a connection, also when that is frozen.
  void look_for_another_way() {
    for (const auto& endpoint : silent_) {
      if (!session_.endpoints.reopen(endpoint, session_.clock.now())) continue;
      tried_.erase(endpoint->name);
      tried_members_.erase(endpoint->member_id);
    }
  }

  void came_back(const std::shared_ptr<Endpoint>& endpoint, const std::string& token,
                 Result<T, Setback> result) {
    --under_way_;
    silent_.erase(endpoint);
    if (result) {
      session_.prefer(endpoint);
      answered(std::move(*result));
      return;
    }
    auto& setback = result.error();
    said_[endpoint->name] = setback.text;
    switch (setback.verdict) {
      case Verdict::Final:
        if (setback.kind == DcsErrorKind::Rejected && may_be_applied_)
          finish(fail(unknown("rejected after an attempt that may have been applied")));
        else
          finish(fail(DcsError{setback.kind, describe()}));
        return;
      case Verdict::Reauthenticate:
        reauthenticate(endpoint, token);
        return;
      case Verdict::Elsewhere:
        may_be_applied_ = may_be_applied_ || question_.writes;
        break;
      case Verdict::NotSent:
        break;
    }
    session_.suspect(*endpoint, setback.text);
    if (!refused_)
      ask_with_token(nullptr);
    else if (under_way_ == 0)
      refused(std::move(*refused_));
  }

  void answered(T value) {
    if constexpr (std::is_same_v<T, Committed>) {
      if (question_.writes && !value.succeeded) {
        refused(std::move(value));
        return;
      }
    }
    finish(std::move(value));
  }

  void refused(T value) {
    if (may_be_applied_) {
      finish(fail(unknown("refused after an attempt that may have been applied")));
    } else if (under_way_ == 0) {
      finish(std::move(value));
    } else {
      refused_ = std::move(value);
      next_ = alarm(session_.clock.now() + patience(), &Request::lose_patience);
    }
  }

  void reauthenticate(const std::shared_ptr<Endpoint>& endpoint, const std::string& token) {
    constexpr int kEnough = 2;
    if (++reauthentications_ > kEnough || !session_.can_log_in()) {
      finish(fail(DcsError{DcsErrorKind::Denied,
                           describe() + "; check etcd3.username, its password and its roles"}));
      return;
    }
    session_.drop_token(token);
    ask_with_token(endpoint);
  }

  // Everybody was asked and nobody could help.
  void pause(const std::string& problem) {
    if (!problem.empty()) said_["authentication"] = problem;
    if (const std::string why = session_.why_nobody(); !why.empty()) said_["etcd3.srv"] = why;
    tried_.clear();
    tried_members_.clear();
    next_ = alarm(session_.clock.now() + pause_, &Request::next_round);
    pause_ = std::min<Duration>(pause_ * 2, 1s);
  }
  void next_round() { ask_with_token(nullptr); }

  void deadline_came() {
    for (const auto& endpoint : silent_) {
      said_[endpoint->name] = "no answer";
      session_.suspect(*endpoint, "no answer within " + text_of(deadline_ - asked_at_));
    }
    finish(fail(unknown("no answer within " + text_of(deadline_ - asked_at_))));
  }

  static std::string text_of(Duration duration) {
    return std::to_string(std::chrono::duration_cast<Milliseconds>(duration).count()) + " ms";
  }
  [[nodiscard]] std::string describe() const {
    std::string text = "etcd " + question_.what;
    for (const auto& [who, what] : said_)
      text += "; " + who + ": " + what;
    return text;
  }
  [[nodiscard]] DcsError unknown(const std::string& why) const {
    return {DcsErrorKind::Unavailable, describe() + "; " + why};
  }

  // The last thing that happens: the answer may destroy everything, this included.
  void finish(Result<T, DcsError> result) {
    const auto self = this->shared_from_this();
    auto answer = std::move(answer_);
    abandon();
    session_.release(this);
    answer(std::move(result));
  }

  EtcdSession& session_;
  const Question question_;
  const Instant asked_at_;
  const Instant deadline_;
  const Attempt attempt_;
  DcsAnswer<T> answer_;
  std::unique_ptr<Alarm> end_;
  std::unique_ptr<Alarm> next_;
  Duration pause_ = 100ms;
  std::vector<std::shared_ptr<Call>> calls_;
  std::set<std::string> tried_;
  std::set<std::uint64_t> tried_members_;
  std::set<std::shared_ptr<Endpoint>> silent_;
  std::map<std::string, std::string> said_;
  std::optional<T> refused_;
  int under_way_ = 0;
  int reauthentications_ = 0;
  bool may_be_applied_ = false;
  bool is_over_ = false;
};

}  // namespace pgherd::etcd
