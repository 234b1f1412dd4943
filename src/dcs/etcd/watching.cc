#include "dcs/etcd/watching.h"

#include <algorithm>
#include <utility>

#include "dcs/etcd/translate.h"

namespace pgherd::etcd {

namespace pb = etcdserverpb;

// One Watch RPC with one watcher in it. Writes one message at a time, as gRPC demands.
class Watching::Stream final : public Call, public std::enable_shared_from_this<Stream> {
 public:
  Stream(Pump& pump, std::weak_ptr<Watching> owner) : pump_(pump), owner_(std::move(owner)) {}

  void start(pb::Watch::Stub& stub, pb::WatchRequest create) {
    request_ = std::move(create);
    is_writing_ = true;
    stream_ = stub.PrepareAsyncWatch(&context, &pump_.queue());
    stream_->StartCall(pump_.tag([self = shared_from_this()](bool ok) {
      if (!ok) {
        self->finish();
        return;
      }
      self->write();
      self->read();
    }));
  }

  void ask_for_progress() {
    if (is_writing_) return;  // it is not listening; that is for the silence to tell
    request_.Clear();
    (void)request_.mutable_progress_request();
    write();
  }

 private:
  void write() {
    is_writing_ = true;
    stream_->Write(request_, pump_.tag([self = shared_from_this()](bool ok) {
      if (ok) self->is_writing_ = false;  // else the read fails too, and tells
    }));
  }

  void read() {
    stream_->Read(&response_, pump_.tag([self = shared_from_this()](bool ok) {
      if (!ok) {
        self->finish();
        return;
      }
      const auto owner = self->present_owner();
      if (!owner) return;
      owner->heard(self->response_);
      if (self->present_owner()) self->read();
    }));
  }

  void finish() {
    stream_->Finish(&status_, pump_.tag([self = shared_from_this()](bool) {
      const auto owner = self->present_owner();
      if (!owner) return;
      if (self->status_.ok())
        owner->broke({Verdict::Elsewhere, DcsErrorKind::Unavailable, "the stream ended"});
      else
        owner->broke(verdict_on(self->status_));
    }));
  }

  // Nobody, when the watch is over or has gone on with another stream.
  [[nodiscard]] std::shared_ptr<Watching> present_owner() {
    auto owner = owner_.lock();
    return owner && !owner->is_over_ && owner->stream_.get() == this ? owner : nullptr;
  }

  Pump& pump_;
  std::weak_ptr<Watching> owner_;
  pb::WatchRequest request_;
  pb::WatchResponse response_;
  grpc::Status status_;
  std::unique_ptr<grpc::ClientAsyncReaderWriter<pb::WatchRequest, pb::WatchResponse>> stream_;
  bool is_writing_ = false;
};

// What the watcher holds. It may outlive the session.
class Watching::Handle final : public Watch {
 public:
  explicit Handle(std::weak_ptr<Watching> watching) : watching_(std::move(watching)) {}
  ~Handle() override {
    const auto watching = watching_.lock();
    if (!watching || watching->is_over_) return;
    auto& session = watching->session_;
    watching->abandon();
    session.release(watching.get());
  }
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;

 private:
  std::weak_ptr<Watching> watching_;
};

std::unique_ptr<Watch> Watching::start(EtcdSession& session, std::string prefix, Revision from,
                                       Milliseconds sign_of_life, WatchHandler handler) {
  auto watching = std::make_shared<Watching>(session, std::move(prefix), from, sign_of_life,
                                             std::move(handler));
  session.hold(watching);
  watching->arm_tick();
  watching->open_with_token();
  return std::make_unique<Handle>(watching);
}

Watching::Watching(EtcdSession& session, std::string prefix, Revision from,
                   Milliseconds sign_of_life, WatchHandler handler)
    : session_(session),
      prefix_(std::move(prefix)),
      sign_of_life_(std::max<Duration>(sign_of_life, 10ms)),
      handler_(std::move(handler)),
      delivered_{std::max<std::int64_t>(from.value - 1, 0)},
      heard_at_(session.clock.now()),
      opened_at_(heard_at_) {}

void Watching::abandon() {
  is_over_ = true;
  tick_.reset();
  reopen_.reset();
  if (stream_) stream_->cancel();
  stream_.reset();
}

// ---- Streams ------------------------------------------------------------------------------------

void Watching::open_with_token() {
  session_.with_token([weak = weak_from_this()](const std::optional<DcsError>& problem) {
    const auto self = weak.lock();
    if (!self || self->is_over_) return;
    if (problem && is_denied(problem->kind)) {
      self->end(*problem);
    } else if (problem) {
      self->problem_ = problem->text;
      self->reopen_soon();
    } else {
      self->open();
    }
  });
}

// Not the one that has just disappointed us, if there is another.
std::shared_ptr<Endpoint> Watching::choose_endpoint() const {
  const auto ranked = session_.endpoints.ranked(session_.clock.now());
  for (const auto& endpoint : ranked) {
    const bool is_same_member =
        endpoint_ && (endpoint == endpoint_ ||
                      (endpoint->member_id != 0 && endpoint->member_id == endpoint_->member_id));
    if (!is_same_member) return endpoint;
  }
  return ranked.empty() ? nullptr : ranked.front();
}

void Watching::open() {
  const auto chosen = choose_endpoint();
  if (!chosen) {
    problem_ = session_.why_nobody();
    reopen_soon();
    return;
  }
  endpoint_ = chosen;
  opened_at_ = session_.clock.now();
  fragments_.clear();
  token_ = session_.token();
  known_when_asked_ = session_.seen.revision();

  pb::WatchRequest request;
  auto& create = *request.mutable_create_request();
  create.set_key(prefix_);
  create.set_range_end(end_of(prefix_));
  create.set_start_revision(delivered_.value == 0 ? 0 : delivered_.value + 1);
  create.set_progress_notify(true);
  create.set_fragment(true);

  stream_ = std::make_shared<Stream>(session_.pump, weak_from_this());
  session_.prepare(stream_->context, {.deadline = Instant::never()});
  stream_->start(*endpoint_->watch, std::move(request));
}

void Watching::reopen_soon() {
  if (stream_) stream_->cancel();
  stream_.reset();
  reopen_ = session_.clock.at(session_.clock.now() + pause_, [weak = weak_from_this()] {
    const auto self = weak.lock();
    if (self && !self->is_over_) self->open_with_token();
  });
  pause_ = std::min<Duration>(pause_ * 2, 1s);
}

void Watching::broke(const Setback& setback) {
  problem_ = "etcd " + endpoint_->name + ": " + setback.text;
  switch (setback.verdict) {
    case Verdict::Final:
      end({setback.kind, problem_});
      return;
    case Verdict::Reauthenticate:
      if (++reauthentications_ > 2 || !session_.can_log_in()) {
        end({DcsErrorKind::Denied, problem_ + "; check etcd3.username, its password and roles"});
        return;
      }
      session_.drop_token(token_);
      break;
    case Verdict::NotSent:
    case Verdict::Elsewhere:
      session_.suspect(*endpoint_, setback.text);
      break;
  }
  reopen_soon();
}

// ---- Signs of life

void Watching::arm_tick() {
  tick_ = session_.clock.at(session_.clock.now() + sign_of_life_, [weak = weak_from_this()] {
    const auto self = weak.lock();
    if (self && !self->is_over_) self->tick();
  });
}

void Watching::tick() {
  const auto now = session_.clock.now();
  if (now - heard_at_ >= 3 * sign_of_life_) {
    const auto silence = std::chrono::duration_cast<Milliseconds>(now - heard_at_).count();
    end({DcsErrorKind::Unavailable, "etcd watch: nothing heard for " + std::to_string(silence) +
                                        " ms" + (problem_.empty() ? "" : "; last: " + problem_)});
    return;
  }
  arm_tick();
  if (!stream_) return;
  const auto heard_or_opened = std::max(heard_at_, opened_at_);
  if (now - heard_or_opened >= sign_of_life_ + sign_of_life_ / 2) {
    broke({Verdict::Elsewhere, DcsErrorKind::Unavailable, "the watch is silent"});
    return;
  }
  known_when_asked_ = session_.seen.revision();
  stream_->ask_for_progress();
}

// ---- What etcd says

void Watching::heard(const pb::WatchResponse& response) {
  // Cancellation comes as a message; the stream stays open and would be silent for ever.
  if (response.canceled()) {
    broke(verdict_on_cancelled_watch(response.compact_revision(), response.cancel_reason()));
    return;
  }
  if (const auto objection = session_.objection_to(*endpoint_, response.header())) {
    broke(*objection);
    return;
  }
  pause_ = 100ms;
  reauthentications_ = 0;
  if (response.created())
    take_creation(response);
  else if (response.events_size() > 0)
    take_events(response);
  else
    take_progress(response);
}

// Nothing that the watcher has not seen lies before the first event; so this is no progress, but it
// is a sign of life, on the same condition.
void Watching::take_creation(const pb::WatchResponse& response) {
  const Revision reached{response.header().revision()};
  // "From now on" begins with what the store has when it begins to watch.
  if (delivered_.value == 0) delivered_ = reached;
  if (reached < known_when_asked_) return;
  heard_at_ = session_.clock.now();
  tell({.events = {}, .revision = delivered_});
}

// The header's revision may be ahead of the events (etcd delivers a long past in portions), so only
// the last event tells how far we are.
void Watching::take_events(const pb::WatchResponse& response) {
  heard_at_ = session_.clock.now();
  for (const auto& event : response.events())
    fragments_.push_back(event_of(event));
  if (response.fragment()) return;
  auto events = std::exchange(fragments_, {});
  std::erase_if(events,
                [this](const WatchEvent& event) { return event.entry.mod_revision <= delivered_; });
  if (events.empty()) return;
  delivered_ = events.back().entry.mod_revision;
  tell({.events = std::move(events), .revision = delivered_});
}

// A member that has not even what was known when it was asked lags behind: that it lives is no
// news.
void Watching::take_progress(const pb::WatchResponse& response) {
  const Revision reached{response.header().revision()};
  if (reached < known_when_asked_ || !fragments_.empty()) return;
  heard_at_ = session_.clock.now();
  delivered_ = std::max(delivered_, reached);
  tell({.events = {}, .revision = delivered_});
}

void Watching::tell(WatchBatch batch) {
  const auto self = shared_from_this();
  handler_(std::move(batch));  // may end the watch, or everything
}

void Watching::end(DcsError error) {
  const auto self = shared_from_this();
  auto handler = std::move(handler_);
  abandon();
  session_.release(this);
  handler(fail(std::move(error)));
}

}  // namespace pgherd::etcd
