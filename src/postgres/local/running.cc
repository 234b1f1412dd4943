// Starting, stopping and changing the role of the server.
#include <fcntl.h>
#include <fmt/core.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>

#include "postgres/local/act_context.h"
#include "postgres/local/archiving.h"
#include "postgres/local/config_files.h"
#include "postgres/local/monitor.h"
#include "postgres/local/timeline_numbers.h"
#include "runtime/asio_clock.h"
#include "runtime/files.h"
#include "runtime/log.h"
#include "runtime/unique_fd.h"

namespace pgherd {
namespace {

namespace asio = boost::asio;

constexpr Duration kReloadLimit = 5s;
constexpr Duration kPromotionNoticed = 200ms;
// A promotion that sleeps is woken at first after this, and then less and less often, for one that
// replays what is left does not sleep, and each time PostgreSQL's log has a line.
constexpr Duration kPromotionAsleep = 10ms;
constexpr Duration kWakeAgain = 100ms;
constexpr Duration kWakeSeldom = 5s;

std::string told(const Upstream& upstream) {
  if (upstream.host.empty()) return "nobody";
  return fmt::format("{} ({}:{})", upstream.name.empty() ? "the upstream" : upstream.name,
                     upstream.host, upstream.port);
}

Attempt unless_late(const ActControl& control, const char* what) {
  if (boottime_now() < control.lease_valid_until) return {};
  return failed(
      fmt::format("the lease ran out before PostgreSQL could be {}; nothing was done", what));
}

asio::awaitable<Attempt> start_as(ActContext& context, const ActControl& control,
                                  std::optional<Upstream> upstream, Instant deadline,
                                  std::function<Attempt()> may_start) {
  const std::string data_dir = context.config->data_dir;
  const bool is_standby = upstream.has_value();
  if (is_standby) co_await look_up_upstream(context, *upstream);
  auto parameters = co_await prepare_files(context, control, std::move(upstream));
  if (!parameters) co_return tl::unexpected(parameters.error());
  if (auto done = set_standby_signal(data_dir, is_standby); !done) co_return done;
  forget_skipped_timeline_numbers(data_dir);
  co_return co_await start_server(context, control, std::move(*parameters), deadline, may_start);
}

// What the server itself says that it follows, asked until it is what was written.
asio::awaitable<Attempt> wait_until_follows(ActContext& context, ActControl& control,
                                            Upstream wanted) {
  const Instant deadline = boottime_now() + kReloadLimit;
  std::string seen = "nothing yet";
  for (;;) {
    auto answer = co_await ask_local(
        context, control,
        "select current_setting('primary_conninfo'), current_setting('primary_slot_name')", 2s);
    if (answer && answer->size() == 1 && answer->front().size() == 1) {
      const Row& row = answer->front().front();
      const UpstreamView view = upstream_of(row[0].value_or(""), row[1].value_or(""));
      if (view.host == wanted.host && (wanted.host.empty() || view.port == wanted.port) &&
          (wanted.host.empty() || view.slot == wanted.slot))
        co_return Attempt{};
      seen = fmt::format("{}:{} through slot '{}'", view.host, view.port, view.slot);
    } else if (!answer) {
      seen = answer.error().text;
      // It cannot be asked yet; it has the signal and will read the file.
      if (answer.error().kind == QueryErrorKind::NotNow) co_return Attempt{};
    }
    if (control.is_cancelled) co_return cancelled();
    if (boottime_now() > deadline)
      co_return failed(
          fmt::format("PostgreSQL was told to follow {}:{} and reloaded, but says: {}; look in its "
                      "log for errors "
                      "in postgresql.conf or an included file",
                      wanted.host, wanted.port, seen));
    co_await pause_for(20ms);
  }
}

Done done_or(const Attempt& attempt, std::string text) {
  if (!attempt) return tl::unexpected(attempt.error());
  return text;
}

// Before a shutdown that people wait for: what is written now need not be written while nobody is
// served. A standby makes a restartpoint of it. Who serves nobody need not be asked.
asio::awaitable<void> checkpoint_before_stop(ActContext& context, ActControl& control) {
  if (context.postmaster->look() != ProcessState::Running) co_return;
  auto done = co_await ask_local(context, control, "checkpoint", 24h);
  if (!done && !control.is_cancelled && done.error().kind != QueryErrorKind::NotNow)
    log_warning("no checkpoint before the shutdown: {}", done.error().text);
}

// The script is waited for. Whoever cancels the act is in a hurry, and so is who stops what is gone
// already.
asio::awaitable<void> run_before_stop(ActContext& context, const ActControl& control) {
  const CommandWords command = context.config->before_stop;
  if (command.empty() || context.postmaster->look() == ProcessState::Stopped) co_return;
  const auto is_in_vain = [&] {
    return control.is_cancelled || context.postmaster->look() == ProcessState::Stopped;
  };
  (void)co_await run_script(context.loop, "before_stop", command, is_in_vain);
}

// Where nobody can wait for it.
void begin_before_stop(ActContext& context) {
  if (context.postmaster->look() != ProcessState::Stopped)
    context.callbacks->begin_before_stop(*context.config);
}

asio::awaitable<Attempt> stop_server(ActContext& context, const ActControl& control, StopMode mode,
                                     bool is_demotion, std::function<void()> shut_down) {
  const bool was_there = context.postmaster->look() != ProcessState::Stopped;
  auto stopped = co_await context.postmaster->stop(mode, control, std::move(shut_down));
  Callbacks& callbacks = *context.callbacks;
  if (stopped && was_there) callbacks.call(*context.config, callbacks.rules.stopped(is_demotion));
  co_return stopped;
}

// The operator's script has the last word on a promotion (it fences the former primary, say). It
// may take longer than the lease was confirmed for: then the promotion is planned anew, under the
// lease as it is by then, and the script is not asked again.
asio::awaitable<Attempt> pass_pre_promote(ActContext& context, const ActControl& control,
                                          Promote step) {
  constexpr Duration kPassLasts = 10s;
  constexpr Duration kTimeToAsk = 500ms;  // from here to the point of no return, and more
  const CommandWords command = context.config->pre_promote;
  if (command.empty()) co_return Attempt{};
  const auto& passed = context.pre_promote_passed;
  if (passed && passed->timeline == step.timeline && boottime_now() < passed->until)
    co_return Attempt{};
  const auto is_in_vain = [&] {
    return control.is_cancelled || context.postmaster->look() == ProcessState::Stopped;
  };
  const ScriptEnd end = co_await run_script(context.loop, "pre_promote", command, is_in_vain);
  if (control.is_cancelled) co_return cancelled("cancelled during pre_promote");
  if (context.postmaster->look() == ProcessState::Stopped)
    co_return failed("PostgreSQL ended before its promotion");
  if (!end.has_succeeded)
    co_return failed("PostgreSQL is not promoted: " + end.text, ActOutcome::Refused);
  const Instant now = boottime_now();
  context.pre_promote_passed =
      ActContext::PrePromotePassed{.timeline = step.timeline, .until = now + kPassLasts};
  if (now + kTimeToAsk >= control.lease_valid_until)
    co_return cancelled(
        "pre_promote has taken longer than the lease was known to last: it is "
        "looked at again");
  co_return Attempt{};
}

// The postmaster takes SIGUSR1 and the file together for "promote" (as pg_ctl does it).
Attempt ask_for_promotion(ActContext& context, const ActControl& control) {
  const std::string path = context.config->data_dir + "/promote";
  // Any SIGUSR1 from the server's own children makes it look for the file: creating it is the point
  // of no return already.
  if (auto may = unless_late(control, "promoted"); !may) return may;
  UniqueFd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
  if (!file.is_open())
    return failed(fmt::format("cannot write {}: {}", path, std::strerror(errno)));
  auto may = unless_late(control, "promoted");
  if (may && !context.postmaster->signal(SIGUSR1))
    may = failed("PostgreSQL ended before its promotion");
  if (!may) ::unlink(path.c_str());
  return may;
}

// The startup process takes the file away when it takes up the request, before anything is changed.
bool is_request_taken_up(const ActContext& context) {
  return ::access((context.config->data_dir + "/promote").c_str(), F_OK) != 0 && errno == ENOENT;
}

// The signal can be lost on a startup process that is just going to sleep: it would wake up after
// wal_retrieve_retry_interval, 5 s as PostgreSQL comes. One that is asked again wakes now. What was
// not taken up before the lease ended is withdrawn.
Attempt repeat_promotion(ActContext& context, const ActControl& control) {
  const std::string path = context.config->data_dir + "/promote";
  if (auto may = unless_late(control, "promoted"); !may) {
    // Gone already: taken up in the last moment, so how it ends is seen like any other's end.
    return ::unlink(path.c_str()) == 0 ? may : Attempt{};
  }
  if (!context.postmaster->signal(SIGUSR1)) return {};  // it has ended, which is seen as well
  log_info("PostgreSQL has not noticed the request to promote it: repeated");
  return {};
}

// One that was taken up while a WAL receiver was being started goes to sleep with it, for what is
// left of wal_retrieve_retry_interval: after a switchover the primary has just gone, and every
// receiver fails (PostgreSQL 17, WaitForWALToBecomeAvailable). A reload wakes the startup process.
class SleepingPromotion {
 public:
  explicit SleepingPromotion(ActContext& context) : context_(context) {}

  void wake_if_asleep() {
    const Instant now = boottime_now();
    if (!wake_at_) wake_at_ = now + kPromotionAsleep;
    if (now < *wake_at_) return;
    context_.postmaster->signal(SIGHUP);
    wake_at_ = now + pause_;
    pause_ = std::min(2 * pause_, kWakeSeldom);
  }

 private:
  ActContext& context_;
  std::optional<Instant> wake_at_;
  Duration pause_ = kWakeAgain;
};

bool control_says_primary(const std::string& data_dir) {
  const auto control = read_pg_control(data_dir);
  return control && control->data.state == ControlState::InProduction;
}

// What holds for a primary only is in force before the first client can write: a standby's
// default_transaction_read_only would refuse it. Until then a standby is none the worse for it, and
// the next act on one writes its own files again.
asio::awaitable<Attempt> configure_as_primary(ActContext& context, const ActControl& control) {
  if (context.config->by_role.empty()) co_return Attempt{};
  const auto prepared = co_await prepare_files(context, control, written_upstream(*context.config),
                                               ServerRole::Primary);
  if (!prepared) co_return tl::unexpected(prepared.error());
  if (!context.postmaster->signal(SIGHUP))
    co_return failed("PostgreSQL ended before its promotion");
  co_return Attempt{};
}

asio::awaitable<Result<bool, QueryError>> is_in_recovery(ActContext& context, ActControl& control) {
  auto answer = co_await ask_local(context, control, "select pg_is_in_recovery()", 3s);
  if (!answer) co_return fail(answer.error());
  co_return answer->front().front().front() == "t";
}

}  // namespace

asio::awaitable<Attempt> restart_standby(ActContext& context, ActControl& control,
                                         std::function<Attempt()> at_rest) {
  const auto config = context.config;
  if (!look_at_data_directory(config->data_dir).has_standby_signal)
    co_return failed("PostgreSQL is no standby");
  co_await checkpoint_before_stop(context, control);
  if (control.is_cancelled) co_return cancelled("cancelled before PostgreSQL was stopped");
  co_await run_before_stop(context, control);
  if (control.is_cancelled) co_return cancelled("cancelled before PostgreSQL was stopped");
  context.callbacks->rules.restarts();
  if (auto stopped = co_await context.postmaster->stop(StopMode::Fast, control, nullptr); !stopped)
    co_return stopped;
  auto done = co_await on_disk(context, std::move(at_rest));
  auto upstream = written_upstream(*config);
  const Instant deadline = boottime_now() + config->pg_ctl_timeout;
  auto started = co_await start_as(context, control, std::move(upstream), deadline, nullptr);
  co_return started ? done : started;
}

Act act_start_primary(ActContext& context, ActControl& control, StartPrimary step) {
  if (context.postmaster->look() != ProcessState::Stopped)
    co_return failed(fmt::format("PostgreSQL runs already (pid {})", context.postmaster->pid()));
  context.callbacks->rules.starts_as(CallbackRole::Primary);
  control.lease_valid_until = step.lease_valid_until;
  const auto may_start = [&control] { return unless_late(control, "started"); };
  const auto started =
      co_await start_as(context, control, std::nullopt, Instant::never(), may_start);
  if (!started && started.error().outcome == ActOutcome::Cancelled) {
    // Whoever cancels this fears a second primary.
    ActControl undisturbed;
    if (auto stopped =
            co_await stop_server(context, undisturbed, StopMode::Immediate, true, nullptr);
        !stopped)
      co_return tl::unexpected(stopped.error());
  }
  co_return done_or(started, "started as a primary");
}

Act act_start_standby(ActContext& context, ActControl& control, StartStandby step) {
  if (context.postmaster->look() != ProcessState::Stopped)
    co_return failed(fmt::format("PostgreSQL runs already (pid {})", context.postmaster->pid()));
  context.callbacks->rules.starts_as(callback_role(role_with(step.upstream)));
  const Instant deadline = boottime_now() + context.config->pg_ctl_timeout;
  const auto started = co_await start_as(context, control, step.upstream, deadline, nullptr);
  co_return done_or(started, "started as a standby of " + told(step.upstream));
}

Act act_follow(ActContext& context, ActControl& control, Follow step) {
  const auto config = context.config;
  const ProcessState process = context.postmaster->look();
  if (process == ProcessState::Stopped || process == ProcessState::Stopping)
    co_return failed("PostgreSQL is not running; start it as a standby instead");
  if (control_says_primary(config->data_dir))
    co_return failed("PostgreSQL is a primary; it must be stopped before it can follow " +
                     told(step.upstream));
  co_await look_up_upstream(context, step.upstream);
  const auto prepared = co_await prepare_files(context, control, step.upstream);
  if (!prepared) co_return tl::unexpected(prepared.error());
  if (auto done = set_standby_signal(config->data_dir, true); !done)
    co_return tl::unexpected(done.error());
  // Since PostgreSQL 13 a reload is enough for primary_conninfo and the slot.
  if (!context.postmaster->signal(SIGHUP))
    co_return failed("PostgreSQL ended before it could reload");
  Callbacks& callbacks = *context.callbacks;
  callbacks.call(*config, callbacks.rules.follows(callback_role(role_with(step.upstream))));
  const auto follows = co_await wait_until_follows(context, control, step.upstream);
  co_return done_or(follows, "follows " + told(step.upstream));
}

Act act_restart(ActContext& context, ActControl& control, Restart step) {
  control.lease_valid_until = step.lease_valid_until;
  const auto config = context.config;
  const Instant deadline = step.timeout ? boottime_now() + *step.timeout : Instant::never();
  const bool is_standby = look_at_data_directory(config->data_dir).has_standby_signal;
  co_await checkpoint_before_stop(context, control);
  if (control.is_cancelled) co_return cancelled("cancelled before PostgreSQL was stopped");
  co_await run_before_stop(context, control);
  if (control.is_cancelled) co_return cancelled("cancelled before PostgreSQL was stopped");
  context.callbacks->rules.restarts();
  if (auto stopped = co_await context.postmaster->stop(StopMode::Fast, control, nullptr); !stopped)
    co_return tl::unexpected(stopped.error());
  std::optional<Upstream> upstream;
  if (is_standby) upstream = step.upstream ? *step.upstream : written_upstream(*config);
  const auto may_start = [&control] { return unless_late(control, "started again"); };
  const auto started =
      co_await start_as(context, control, std::move(upstream), deadline, may_start);
  co_return done_or(started, "restarted");
}

Act act_stop(ActContext& context, ActControl& control, Stop step, std::function<void()> shut_down) {
  if (step.mode == StopMode::Fast)
    co_await run_before_stop(context, control);
  else
    begin_before_stop(context);
  const auto stopped =
      co_await stop_server(context, control, step.mode, false, std::move(shut_down));
  co_return done_or(stopped, "stopped");
}

Act act_demote(ActContext& context, ActControl& control, Demote step,
               std::function<void()> shut_down) {
  const bool is_immediate =
      step.mode == DemoteMode::Immediate || step.mode == DemoteMode::ImmediateNoLock;
  if (step.mode == DemoteMode::Graceful || step.mode == DemoteMode::DemoteCluster) {
    co_await checkpoint_before_stop(context, control);
    if (control.is_cancelled) co_return cancelled("cancelled before the shutdown; still a primary");
    co_await run_before_stop(context, control);
  } else {
    begin_before_stop(context);  // the lease is lost or about to end
  }
  const auto stopped =
      co_await stop_server(context, control, is_immediate ? StopMode::Immediate : StopMode::Fast,
                           true, std::move(shut_down));
  if (stopped && step.mode == DemoteMode::DemoteCluster)
    co_await archive_shutdown_checkpoint(context, control);
  co_return done_or(stopped, fmt::format("stopped ({})", name_of(step.mode)));
}

Act act_promote(ActContext& context, ActControl& control, Promote step) {
  control.lease_valid_until = step.lease_valid_until;
  const std::string data_dir = context.config->data_dir;
  if (context.postmaster->look() != ProcessState::Running)
    co_return failed("PostgreSQL does not accept connections; a promotion needs a running standby");
  if (control_says_primary(data_dir)) co_return "is a primary already";
  if (control.is_cancelled) co_return cancelled();
  if (auto passed = co_await pass_pre_promote(context, control, step); !passed)
    co_return tl::unexpected(passed.error());
  if (const auto control_file = read_pg_control(data_dir)) {
    const ControlData& data = control_file->data;
    const Timeline present = std::max(data.timeline, data.minimum_recovery_timeline);
    if (auto skipped = skip_timeline_numbers(data_dir, present, step.timeline); !skipped)
      co_return tl::unexpected(skipped.error());
  }
  if (auto done = co_await configure_as_primary(context, control); !done)
    co_return tl::unexpected(done.error());
  if (auto asked = ask_for_promotion(context, control); !asked)
    co_return tl::unexpected(asked.error());
  context.pre_promote_passed.reset();
  Callbacks& callbacks = *context.callbacks;
  callbacks.rules.asks_for_promotion();
  // pg_control changes in the same moment as the role; until then nothing needs to be asked.
  Instant repeat_at = boottime_now() + kPromotionNoticed;
  SleepingPromotion sleeping(context);
  while (!control_says_primary(data_dir)) {
    if (is_request_taken_up(context)) {
      sleeping.wake_if_asleep();
    } else if (boottime_now() >= repeat_at) {
      if (auto may = repeat_promotion(context, control); !may) {
        callbacks.rules.withdraws_promotion();
        co_return tl::unexpected(may.error());
      }
      repeat_at = boottime_now() + kPromotionNoticed;
    }
    if (context.postmaster->look() == ProcessState::Stopped)
      co_return failed("PostgreSQL ended during its promotion; its log says: " +
                       context.postmaster->log_tail());
    // Past the point of no return: who waits may stop waiting, the promotion goes on.
    if (control.is_cancelled) co_return cancelled("the promotion goes on in PostgreSQL");
    co_await pause_for(3ms);
  }
  callbacks.call(*context.config, callbacks.rules.promoted());
  forget_skipped_timeline_numbers(data_dir);
  for (;;) {
    const auto in_recovery = co_await is_in_recovery(context, control);
    if (in_recovery && !*in_recovery) break;
    if (!in_recovery && in_recovery.error().kind != QueryErrorKind::NotNow)
      co_return "promoted (pg_control says so; a query did not: " + in_recovery.error().text + ")";
    if (control.is_cancelled) co_return cancelled("the promotion goes on in PostgreSQL");
    co_await pause_for(3ms);
  }
  co_return "promoted";
}

}  // namespace pgherd
