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
class LocalInstance::Owner : public std::enable_shared_from_this<Owner> {
 public:
  explicit Owner(asio::any_io_executor loop) : loop_(std::move(loop)) {}

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
class LocalInstance::Hands {
 public:
  using Reply = std::function<void(ActResult)>;
  using Sight = std::function<void(InstanceView)>;

  Hands(std::string scope, NodeName self, PostgresConfig config,
        std::optional<BootstrapConfig> bootstrap, LocalOptions options, Sight changed)
      : disk_(std::make_unique<asio::thread_pool>(1)),
        loop_(1),
        work_(asio::make_work_guard(loop_)),
        bench_(std::make_shared<Bench>(*disk_, loop_.get_executor())) {
    Bench& bench = *bench_;
    bench.changed = std::move(changed);
    bench.shop.scope = std::move(scope);
    bench.shop.self = std::move(self);
    bench.shop.config = std::make_shared<const PostgresConfig>(std::move(config));
    bench.shop.bootstrap = std::move(bootstrap);
    bench.shop.options = std::move(options);
    bench.shop.wanted = server_parameters(*bench.shop.config, bench.shop.scope, nullptr);
    bench.shop.postmaster = std::make_unique<Postmaster>(
        loop_.get_executor(), bench.shop.config->data_dir, [weak = std::weak_ptr<Bench>(bench_)] {
          if (const auto alive = weak.lock()) tell_change(alive);
        },
        answered_here(bench.shop.options.launch));
    bench.shop.callbacks = std::make_unique<Callbacks>(loop_.get_executor(), bench.shop.scope);
    bench.lookout = std::make_unique<Lookout>(bench.shop);
    // Asked once now, so that nothing is forked for it in a failover.
    asio::co_spawn(loop_, learn_version(bench_), asio::detached);
    thread_ = std::thread([this] { run(); });
  }

  ~Hands() {
    loop_.stop();
    thread_.join();
    // What never came to run there resumes on the loop: it goes while there still is one.
    disk_->stop();
    disk_.reset();
    // What waits on the loop owns the bench; it goes with the loop, which still serves it then.
    bench_.reset();
  }
  Hands(const Hands&) = delete;
  Hands& operator=(const Hands&) = delete;

  void reconfigure(PostgresConfig config) {
    asio::post(loop_, [bench = bench_, config = std::move(config)]() mutable {
      config.data_dir = bench->shop.config->data_dir;
      bench->shop.config = std::make_shared<const PostgresConfig>(std::move(config));
      bench->shop.refused.clear();
      bench->shop.validated.clear();
    });
  }
  void give_up_leadership() {
    asio::post(loop_, [bench = bench_] {
      Shop& shop = bench->shop;
      if (bench->long_act || shop.postmaster->look() != ProcessState::Stopped) return;
      shop.callbacks->call(*shop.config, shop.callbacks->rules.gives_up());
    });
  }
  void perform(Step step, Reply reply) {
    asio::post(loop_, [bench = bench_, step = std::move(step), reply = std::move(reply)] {
      start(bench, step, reply);
    });
  }
  void cancel() {
    asio::post(loop_, [bench = bench_] {
      if (bench->long_act) bench->long_act->cancel();
    });
  }
  void observe(Sight sight) {
    asio::post(loop_, [bench = bench_, sight = std::move(sight)] { look(bench, sight); });
  }

 private:
  struct Bench {
    Bench(asio::thread_pool& disk, asio::any_io_executor loop) : shop{loop, disk} {}
    Shop shop;
    std::unique_ptr<Lookout> lookout;
    Sight changed;
    std::shared_ptr<ActControl> long_act;
    std::vector<Sight> waiting;
    bool is_looking = false;
  };
  using BenchPtr = std::shared_ptr<Bench>;

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
    return [launch = std::move(launch), weak = std::weak_ptr<Bench>(bench_)](
               ServerProcess process, std::function<void(Launched)> done) {
      launch(std::move(process), [weak, done = std::move(done)](Launched answer) {
        const auto bench = weak.lock();
        if (bench) asio::post(bench->shop.loop, [done, answer] { done(answer); });
      });
    };
  }

  static asio::awaitable<void> learn_version(BenchPtr bench) {
    const ActControl undisturbed;
    const auto version = co_await binary_version(bench->shop, undisturbed);
    if (!version) log_error("{}", version.error().text);
  }

  // One look at a time. Who asks during a look gets the next one: it must not be older than the
  // question.
  static void look(const BenchPtr& bench, Sight sight) {
    bench->waiting.push_back(std::move(sight));
    if (bench->is_looking) return;
    bench->is_looking = true;
    asio::co_spawn(bench->shop.loop, look_while_asked(bench),
                   [bench](const std::exception_ptr& thrown) {
                     bench->is_looking = false;
                     if (thrown) log_critical("looking at PostgreSQL failed: {}", text_of(thrown));
                   });
  }
  static asio::awaitable<void> look_while_asked(BenchPtr bench) {
    while (!bench->waiting.empty()) {
      const std::vector<Sight> asked = std::exchange(bench->waiting, {});
      const InstanceView view = co_await bench->lookout->look();
      note_running(bench->shop, view);
      for (const Sight& sight : asked)
        sight(view);
    }
  }
  // An older look must not bring back what an act has stopped meanwhile.
  static void note_running(Shop& shop, const InstanceView& view) {
    const bool runs = view.process == ProcessState::Running && view.in_recovery &&
                      !shop.is_bootstrapping && shop.postmaster->look() == ProcessState::Running &&
                      shop.postmaster->pid() == view.postmaster_pid;
    if (!runs) return;
    shop.callbacks->call(*shop.config,
                         shop.callbacks->rules.runs(view.postmaster_pid, *view.in_recovery));
  }
  static void tell_change(const BenchPtr& bench) {
    look(bench, [weak = std::weak_ptr<Bench>(bench)](const InstanceView& view) {
      if (const auto alive = weak.lock()) alive->changed(view);
    });
  }

  static void start(const BenchPtr& bench, const Step& step, const Reply& reply) {
    auto control = std::make_shared<ActControl>();
    const bool is_long = lane_of(step) == Lane::Instance;
    if (is_long) bench->long_act = control;
    auto result = std::make_shared<ActResult>();
    auto finish = [bench, control, reply, result](const std::exception_ptr& thrown) {
      if (bench->long_act == control) bench->long_act.reset();
      if (thrown) *result = {.outcome = ActOutcome::Failed, .detail = text_of(thrown)};
      reply(*result);
    };
    asio::co_spawn(bench->shop.loop, carry_out(bench, step, control, result), std::move(finish));
  }
  static asio::awaitable<void> carry_out(BenchPtr bench, Step step,
                                         std::shared_ptr<ActControl> control,
                                         std::shared_ptr<ActResult> result) {
    DivergenceSeen seen;
    const Done done = co_await act_of(bench, step, *control, seen);
    result->outcome = done ? ActOutcome::Done : done.error().outcome;
    result->detail = done ? *done : done.error().text;
    if (done && std::holds_alternative<ExamineDivergence>(step)) result->divergence = seen;
  }

  static Act act_of(const BenchPtr& bench, const Step& step, ActControl& control,
                    DivergenceSeen& seen) {
    Shop& shop = bench->shop;
    const auto shut_down = [bench] { tell_change(bench); };
    if (std::holds_alternative<Bootstrap>(step)) return act_bootstrap(shop, control);
    if (const auto* s = std::get_if<SetAsideDataDirectory>(&step))
      return act_set_aside(shop, control, *s);
    if (const auto* s = std::get_if<CloneFrom>(&step)) return act_clone(shop, control, *s);
    if (const auto* s = std::get_if<RemoveDataDirectory>(&step))
      return act_remove_directory(shop, control, *s);
    if (const auto* s = std::get_if<StartPrimary>(&step))
      return act_start_primary(shop, control, *s);
    if (const auto* s = std::get_if<StartStandby>(&step))
      return act_start_standby(shop, control, *s);
    if (const auto* s = std::get_if<Follow>(&step)) return act_follow(shop, control, *s);
    if (const auto* s = std::get_if<Restart>(&step)) return act_restart(shop, control, *s);
    if (const auto* s = std::get_if<Stop>(&step)) return act_stop(shop, control, *s, shut_down);
    if (const auto* s = std::get_if<Demote>(&step)) return act_demote(shop, control, *s, shut_down);
    if (const auto* s = std::get_if<Promote>(&step)) return act_promote(shop, control, *s);
    if (const auto* s = std::get_if<ExamineDivergence>(&step))
      return act_examine(shop, control, *s, seen);
    if (const auto* s = std::get_if<Rewind>(&step)) return act_rewind(shop, control, *s);
    if (const auto* s = std::get_if<KeepSlots>(&step)) return act_keep_slots(shop, control, *s);
    if (std::holds_alternative<Checkpoint>(step)) return act_checkpoint(shop, control);
    if (std::holds_alternative<ResumeReplay>(step)) return act_resume_replay(shop, control);
    if (std::holds_alternative<WakeReceiver>(step)) return act_wake_receiver(shop);
    if (const auto* s = std::get_if<ApplyConfiguration>(&step))
      return act_apply_configuration(shop, control, *s);
    if (const auto* s = std::get_if<SetSyncNames>(&step))
      return act_set_sync_names(shop, control, *s);
    return not_ours(std::string(name_of(step)));
  }
  static Act not_ours(std::string name) {
    co_return failed("PostgreSQL has no part in the step " + name);
  }

  std::unique_ptr<asio::thread_pool> disk_;
  asio::io_context loop_;
  asio::executor_work_guard<asio::io_context::executor_type> work_;
  BenchPtr bench_;
  std::thread thread_;
};

LocalInstance::LocalInstance(asio::any_io_executor owner, std::string scope, NodeName self,
                             PostgresConfig config, std::optional<BootstrapConfig> bootstrap,
                             LocalOptions options)
    : owner_(std::make_shared<Owner>(std::move(owner))) {
  auto changed = [weak = std::weak_ptr<Owner>(owner_)](InstanceView view) {
    if (const auto alive = weak.lock())
      alive->post(
          [view = std::move(view)](Owner& there) mutable { there.changed(std::move(view)); });
  };
  if (options.launch) {
    options.launch = [weak = std::weak_ptr<Owner>(owner_), launch = std::move(options.launch)](
                         ServerProcess process, std::function<void(Launched)> done) {
      const auto alive = weak.lock();
      if (!alive) return;
      alive->post([launch, process = std::move(process), done = std::move(done)](Owner&) mutable {
        launch(std::move(process), std::move(done));
      });
    };
  }
  hands_ = std::make_unique<Hands>(std::move(scope), std::move(self), std::move(config),
                                   std::move(bootstrap), std::move(options), std::move(changed));
}

LocalInstance::~LocalInstance() = default;

void LocalInstance::reconfigure(PostgresConfig config) {
  hands_->reconfigure(std::move(config));
}

void LocalInstance::give_up_leadership() {
  hands_->give_up_leadership();
}

void LocalInstance::perform(const Step& step, std::function<void(ActResult)> done) {
  // Taken out on the owner's loop, so that what the callback holds is let go of there, too.
  auto kept = std::make_shared<std::function<void(ActResult)>>(std::move(done));
  hands_->perform(step, [weak = std::weak_ptr<Owner>(owner_), kept](ActResult result) {
    if (const auto owner = weak.lock())
      owner->post([kept, result = std::move(result)](Owner&) mutable {
        std::exchange(*kept, nullptr)(std::move(result));
      });
  });
}

void LocalInstance::cancel() {
  hands_->cancel();
}

void LocalInstance::observe(std::function<void(InstanceView)> seen) {
  hands_->observe([weak = std::weak_ptr<Owner>(owner_),
                   answer = owner_->expect(std::move(seen))](InstanceView view) {
    if (const auto owner = weak.lock())
      owner->post([answer, view = std::move(view)](Owner&) mutable { answer(std::move(view)); });
  });
}

void LocalInstance::on_change(std::function<void(InstanceView)> handler) {
  owner_->handler = std::move(handler);
}

}  // namespace pgherd
