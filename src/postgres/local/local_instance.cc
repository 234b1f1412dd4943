#include "postgres/local/local_instance.h"

#include <fmt/core.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <exception>
#include <thread>
#include <utility>
#include <vector>

#include "postgres/local/lookout.h"
#include "runtime/asio_clock.h"
#include "runtime/log.h"

namespace pgherd {
namespace asio = boost::asio;

namespace {

// What the hands are given longer than is said of a look: then the owner answers for them.
constexpr Duration kObserveLimit = 3s;

std::string text_of(const std::exception_ptr& thrown) {
  try {
    std::rethrow_exception(thrown);
  } catch (const std::exception& error) {
    return error.what();
  } catch (...) {
    return "unknown exception";
  }
}

}  // namespace

// The owner's side: who is still waiting, and the last view for when the hands are stuck.
class LocalInstance::OwnerSide : public std::enable_shared_from_this<OwnerSide> {
 public:
  explicit OwnerSide(asio::any_io_executor loop) : loop_(std::move(loop)) {}

  // From the hands' thread: calls on the owner's loop, unless the instance is gone by then.
  template <typename Call>
  void post(Call call) {
    asio::post(loop_, [weak = weak_from_this(), call = std::move(call)]() mutable {
      if (const auto owner = weak.lock()) call(*owner);
    });
  }

  // Answers `seen` exactly once: with what the returned function is given, or when time is up.
  std::function<void(InstanceView)> expect(std::function<void(InstanceView)> seen) {
    struct Waiting {
      explicit Waiting(const asio::any_io_executor& loop) : timer(loop) {}
      std::function<void(InstanceView)> seen;
      asio::steady_timer timer;
    };
    auto waiting = std::make_shared<Waiting>(loop_);
    waiting->seen = std::move(seen);
    waiting->timer.expires_after(kObserveLimit);
    waiting->timer.async_wait([weak = weak_from_this(), waiting](boost::system::error_code error) {
      const auto owner = weak.lock();
      if (error || !owner || !waiting->seen) return;
      log_warning("looking at PostgreSQL takes longer than {} s: a disk that does not answer?",
                  std::chrono::duration_cast<Seconds>(kObserveLimit).count());
      owner->last_.seen_at = boottime_now();
      owner->last_.role_is_stale = true;
      std::exchange(waiting->seen, nullptr)(owner->last_);
    });
    return [weak = weak_from_this(), waiting](InstanceView view) {
      const auto owner = weak.lock();
      if (!owner) return;
      owner->last_ = view;
      waiting->timer.cancel();
      if (waiting->seen) std::exchange(waiting->seen, nullptr)(std::move(view));
    };
  }

  void changed(InstanceView view) {
    last_ = view;
    if (handler) handler(std::move(view));
  }

  std::function<void(InstanceView)> handler;

 private:
  asio::any_io_executor loop_;
  InstanceView last_;
};

// The hands: a thread, its loop, and what they work with.
class LocalInstance::ServerThread {
 public:
  using Reply = std::function<void(ActResult)>;
  using Sight = std::function<void(InstanceView)>;

  ServerThread(std::string scope, NodeName self, PostgresConfig config,
               std::optional<BootstrapConfig> bootstrap, LocalOptions options, Sight changed)
      : disk_(std::make_unique<asio::thread_pool>(1)),
        loop_(1),
        work_(asio::make_work_guard(loop_)),
        state_(std::make_shared<ThreadState>(*disk_, loop_.get_executor())) {
    ThreadState& state = *state_;
    state.changed = std::move(changed);
    state.context.scope = std::move(scope);
    state.context.self = std::move(self);
    state.context.config = std::make_shared<const PostgresConfig>(std::move(config));
    state.context.bootstrap = std::move(bootstrap);
    state.context.options = std::move(options);
    if (state.context.options.ask_names)
      asio::use_service<NameLookup>(loop_).ask_by(state.context.options.ask_names);
    state.context.wanted = server_parameters(*state.context.config, state.context.scope, nullptr);
    state.context.postmaster = std::make_unique<Postmaster>(
        loop_.get_executor(), state.context.config->data_dir,
        [weak = std::weak_ptr<ThreadState>(state_)] {
          if (const auto alive = weak.lock()) tell_change(alive);
        },
        answered_here(state.context.options.launch));
    state.context.callbacks =
        std::make_unique<Callbacks>(loop_.get_executor(), state.context.scope);
    state.lookout = std::make_unique<Lookout>(state.context);
    // Asked once now, so that nothing is forked for it in a failover.
    asio::co_spawn(loop_, learn_version(state_), asio::detached);
    thread_ = std::thread([this] { run(); });
  }

  ~ServerThread() {
    loop_.stop();
    thread_.join();
    // What never came to run there resumes on the loop: it goes while there still is one.
    disk_->stop();
    disk_.reset();
    // What waits on the loop owns the state; it goes with the loop, which still serves it then.
    state_.reset();
  }
  ServerThread(const ServerThread&) = delete;
  ServerThread& operator=(const ServerThread&) = delete;

  void reconfigure(PostgresConfig config) {
    asio::post(loop_, [state = state_, config = std::move(config)]() mutable {
      config.data_dir = state->context.config->data_dir;
      state->context.config = std::make_shared<const PostgresConfig>(std::move(config));
      state->context.refused.clear();
      state->context.refused_in_recovery.clear();
      state->context.validated.clear();
      state->context.validated_recovery.clear();
    });
  }
  void give_up_leadership() {
    asio::post(loop_, [state = state_] {
      ActContext& context = state->context;
      if (state->long_act || context.postmaster->look() != ProcessState::Stopped) return;
      context.callbacks->call(*context.config, context.callbacks->rules.gives_up());
    });
  }
  void perform(Step step, Reply reply) {
    asio::post(loop_, [state = state_, step = std::move(step), reply = std::move(reply)] {
      start(state, step, reply);
    });
  }
  void cancel() {
    asio::post(loop_, [state = state_] {
      if (state->long_act) state->long_act->cancel();
    });
  }
  void extend(Instant lease_valid_until) {
    asio::post(loop_, [state = state_, lease_valid_until] {
      if (state->long_act) state->long_act->extend(lease_valid_until);
    });
  }
  void observe(Sight sight) {
    asio::post(loop_, [state = state_, sight = std::move(sight)] { look(state, sight); });
  }

 private:
  struct ThreadState {
    ThreadState(asio::thread_pool& disk, asio::any_io_executor loop) : context{loop, disk} {}
    ActContext context;
    std::unique_ptr<Lookout> lookout;
    Sight changed;
    std::shared_ptr<ActControl> long_act;
    std::vector<Sight> waiting;
    bool is_looking = false;
  };
  using ThreadStatePtr = std::shared_ptr<ThreadState>;

  void run() {
    for (;;) {
      try {
        loop_.run();
        return;
      } catch (const std::exception& error) {
        log_critical("the PostgreSQL thread caught: {}", error.what());
      }
    }
  }

  // The answer comes on the owner's loop, which is the one on which this is destroyed.
  Launch answered_here(Launch launch) const {
    if (!launch) return nullptr;
    return [launch = std::move(launch), weak = std::weak_ptr<ThreadState>(state_)](
               ServerProcess process, std::function<void(Launched)> done) {
      launch(std::move(process), [weak, done = std::move(done)](const Launched& answer) {
        const auto state = weak.lock();
        if (state) asio::post(state->context.loop, [done, answer] { done(answer); });
      });
    };
  }

  static asio::awaitable<void> learn_version(ThreadStatePtr state) {
    const ActControl undisturbed;
    const auto version = co_await binary_version(state->context, undisturbed);
    if (!version) log_error("{}", version.error().text);
  }

  // One look at a time. Who asks during a look gets the next one: it must not be older than the
  // question.
  static void look(const ThreadStatePtr& state, Sight sight) {
    state->waiting.push_back(std::move(sight));
    if (state->is_looking) return;
    state->is_looking = true;
    asio::co_spawn(state->context.loop, look_while_asked(state),
                   [state](const std::exception_ptr& thrown) {
                     state->is_looking = false;
                     if (thrown) log_critical("looking at PostgreSQL failed: {}", text_of(thrown));
                   });
  }
  static asio::awaitable<void> look_while_asked(ThreadStatePtr state) {
    while (!state->waiting.empty()) {
      const std::vector<Sight> asked = std::exchange(state->waiting, {});
      const InstanceView view = co_await state->lookout->look();
      note_running(state->context, view);
      for (const Sight& sight : asked)
        sight(view);
    }
  }
  // An older look must not bring back what an act has stopped meanwhile.
  static void note_running(ActContext& context, const InstanceView& view) {
    const bool runs = view.process == ProcessState::Running && view.in_recovery &&
                      !context.is_bootstrapping &&
                      context.postmaster->look() == ProcessState::Running &&
                      context.postmaster->pid() == view.postmaster_pid;
    if (!runs) return;
    context.callbacks->call(*context.config,
                            context.callbacks->rules.runs(view.postmaster_pid, *view.in_recovery));
  }
  static void tell_change(const ThreadStatePtr& state) {
    look(state, [weak = std::weak_ptr<ThreadState>(state)](const InstanceView& view) {
      if (const auto alive = weak.lock()) alive->changed(view);
    });
  }

  static void start(const ThreadStatePtr& state, const Step& step, const Reply& reply) {
    auto control = std::make_shared<ActControl>();
    const bool is_long = lane_of(step) == Lane::Instance;
    if (is_long) state->long_act = control;
    auto result = std::make_shared<ActResult>();
    auto finish = [state, control, reply, result](const std::exception_ptr& thrown) {
      if (state->long_act == control) state->long_act.reset();
      if (thrown) *result = {.outcome = ActOutcome::Failed, .detail = text_of(thrown)};
      reply(*result);
    };
    asio::co_spawn(state->context.loop, carry_out(state, step, control, result), std::move(finish));
  }
  static asio::awaitable<void> carry_out(ThreadStatePtr state, Step step,
                                         std::shared_ptr<ActControl> control,
                                         std::shared_ptr<ActResult> result) {
    DivergenceSeen seen;
    const Done done = co_await act_of(state, step, *control, seen);
    result->outcome = done ? ActOutcome::Done : done.error().outcome;
    result->detail = done ? *done : done.error().text;
    if (done && std::holds_alternative<ExamineDivergence>(step)) result->divergence = seen;
  }

  static Act act_of(const ThreadStatePtr& state, const Step& step, ActControl& control,
                    DivergenceSeen& seen) {
    ActContext& context = state->context;
    const auto shut_down = [state] { tell_change(state); };
    if (std::holds_alternative<Bootstrap>(step)) return act_bootstrap(context, control);
    if (const auto* s = std::get_if<SetAsideDataDirectory>(&step))
      return act_set_aside(context, control, *s);
    if (const auto* s = std::get_if<CloneFrom>(&step)) return act_clone(context, control, *s);
    if (const auto* s = std::get_if<RemoveDataDirectory>(&step))
      return act_remove_directory(context, control, *s);
    if (const auto* s = std::get_if<StartPrimary>(&step))
      return act_start_primary(context, control, *s);
    if (const auto* s = std::get_if<StartStandby>(&step))
      return act_start_standby(context, control, *s);
    if (const auto* s = std::get_if<Follow>(&step)) return act_follow(context, control, *s);
    if (const auto* s = std::get_if<Restart>(&step)) return act_restart(context, control, *s);
    if (const auto* s = std::get_if<Stop>(&step)) return act_stop(context, control, *s, shut_down);
    if (const auto* s = std::get_if<Demote>(&step))
      return act_demote(context, control, *s, shut_down);
    if (const auto* s = std::get_if<Promote>(&step)) return act_promote(context, control, *s);
    if (const auto* s = std::get_if<ExamineDivergence>(&step))
      return act_examine(context, control, *s, seen);
    if (const auto* s = std::get_if<Rewind>(&step)) return act_rewind(context, control, *s);
    if (const auto* s = std::get_if<CopySlots>(&step)) return act_copy_slots(context, control, *s);
    if (const auto* s = std::get_if<KeepSlots>(&step)) return act_keep_slots(context, control, *s);
    if (std::holds_alternative<Checkpoint>(step)) return act_checkpoint(context, control);
    if (std::holds_alternative<ResumeReplay>(step)) return act_resume_replay(context, control);
    if (const auto* s = std::get_if<WakeReceiver>(&step))
      return act_wake_receiver(context, control, *s);
    if (const auto* s = std::get_if<ApplyConfiguration>(&step))
      return act_apply_configuration(context, control, *s);
    if (const auto* s = std::get_if<SetSyncNames>(&step))
      return act_set_sync_names(context, control, *s);
    return not_ours(std::string(name_of(step)));
  }
  static Act not_ours(std::string name) {
    co_return failed("PostgreSQL has no part in the step " + name);
  }

  std::unique_ptr<asio::thread_pool> disk_;
  asio::io_context loop_;
  asio::executor_work_guard<asio::io_context::executor_type> work_;
  ThreadStatePtr state_;
  std::thread thread_;
};

LocalInstance::LocalInstance(asio::any_io_executor owner, std::string scope, NodeName self,
                             PostgresConfig config, std::optional<BootstrapConfig> bootstrap,
                             LocalOptions options)
    : owner_(std::make_shared<OwnerSide>(std::move(owner))) {
  auto changed = [weak = std::weak_ptr<OwnerSide>(owner_)](InstanceView view) {
    if (const auto alive = weak.lock())
      alive->post(
          [view = std::move(view)](OwnerSide& there) mutable { there.changed(std::move(view)); });
  };
  if (options.launch) {
    options.launch = [weak = std::weak_ptr<OwnerSide>(owner_), launch = std::move(options.launch)](
                         ServerProcess process, std::function<void(Launched)> done) {
      const auto alive = weak.lock();
      if (!alive) return;
      alive->post([launch, process = std::move(process), done = std::move(done)](
                      OwnerSide&) mutable { launch(std::move(process), std::move(done)); });
    };
  }
  if (options.on_certificates) {
    options.on_certificates = [weak = std::weak_ptr<OwnerSide>(owner_),
                               tell =
                                   std::move(options.on_certificates)](ServerCertificates files) {
      if (const auto alive = weak.lock())
        alive->post([tell, files = std::move(files)](OwnerSide&) { tell(files); });
    };
  }
  server_thread_ =
      std::make_unique<ServerThread>(std::move(scope), std::move(self), std::move(config),
                                     std::move(bootstrap), std::move(options), std::move(changed));
}

LocalInstance::~LocalInstance() = default;

void LocalInstance::reconfigure(PostgresConfig config) {
  server_thread_->reconfigure(std::move(config));
}

void LocalInstance::give_up_leadership() {
  server_thread_->give_up_leadership();
}

void LocalInstance::perform(const Step& step, std::function<void(ActResult)> done) {
  // Taken out on the owner's loop, so that what the callback holds is let go of there, too.
  auto kept = std::make_shared<std::function<void(ActResult)>>(std::move(done));
  server_thread_->perform(step, [weak = std::weak_ptr<OwnerSide>(owner_), kept](ActResult result) {
    if (const auto owner = weak.lock())
      owner->post([kept, result = std::move(result)](OwnerSide&) mutable {
        std::exchange(*kept, nullptr)(std::move(result));
      });
  });
}

void LocalInstance::extend(Instant lease_valid_until) {
  server_thread_->extend(lease_valid_until);
}

void LocalInstance::cancel() {
  server_thread_->cancel();
}

void LocalInstance::observe(std::function<void(InstanceView)> seen) {
  server_thread_->observe([weak = std::weak_ptr<OwnerSide>(owner_),
                           answer = owner_->expect(std::move(seen))](InstanceView view) {
    if (const auto owner = weak.lock())
      owner->post(
          [answer, view = std::move(view)](OwnerSide&) mutable { answer(std::move(view)); });
  });
}

void LocalInstance::on_change(std::function<void(InstanceView)> handler) {
  owner_->handler = std::move(handler);
}

}  // namespace pgherd
