#include "sim/sim_instance.h"

#include <utility>

#include "base/check.h"

namespace pgherd::sim {
namespace {

constexpr Duration kCheckSource = 250ms;

std::string position_text(const Wal& wal) {
  return "timeline " + std::to_string(wal.timeline().value) + " at " + to_string(wal.end());
}

bool was_standby(const SimServer& server) {
  const auto control = server.directory().control;
  return control == ControlState::InArchiveRecovery || control == ControlState::ShutDownInRecovery;
}

}  // namespace

SimInstance::SimInstance(SimContext& sim, const Servers& servers, SimServer& server,
                         const LocalTime& time, std::shared_ptr<Mailbox> mailbox,
                         ActWitness* witness)
    : sim_(sim),
      servers_(servers),
      server_(server),
      time_(time),
      mailbox_(std::move(mailbox)),
      witness_(witness) {}

SimInstance::~SimInstance() {
  *is_alive_ = false;
  server_.on_change = nullptr;
  interrupt_child();
}

void SimInstance::after(Duration time, EventQueue::Call call) {
  child_after(time, [this, alive = is_alive_, act = act_, call = std::move(call)]() mutable {
    mailbox_->deliver([this, alive, act, call = std::move(call)]() mutable {
      if (*alive && act == act_ && done_) call();
    });
  });
}

void SimInstance::child_after(Duration time, EventQueue::Call call) {
  sim_.queue.in(time, [this, alive = is_alive_, act = act_, call = std::move(call)]() mutable {
    if (*alive && act == act_ && done_) call();
  });
}

void SimInstance::end(ActOutcome outcome, std::string detail,
                      std::optional<DivergenceSeen> divergence) {
  if (!done_) return;
  child_ = Child::None;
  is_past_return_ = false;
  ++act_;
  server_.is_being_promoted = false;
  if (is_promotion_ && outcome == ActOutcome::Failed) ++server_.failed_promotions;
  if (is_promotion_ && outcome == ActOutcome::Done) server_.failed_promotions = 0;
  auto done = std::exchange(done_, nullptr);
  sim_.queue.in(1ms, [mailbox = mailbox_, done = std::move(done),
                      result = ActResult{.outcome = outcome,
                                         .detail = std::move(detail),
                                         .divergence = std::move(divergence)}] {
    mailbox->deliver([done, result] { done(result); });
  });
}

void SimInstance::perform(const Step& step, std::function<void(ActResult)> done) {
  if (lane_of(step) != Lane::Instance) {
    small(step, std::move(done));
    return;
  }
  PGHERD_CHECK(!done_, "two long acts would work on one data directory");
  done_ = std::move(done);
  is_promotion_ = std::holds_alternative<Promote>(step);
  ++act_;
  is_cancelled_ = false;
  lease_valid_until_ = lease_that_holds(step);
  // Never from inside the call.
  after(Duration(1), [this, step] {
    std::visit(
        [this](const auto& act) {
          if constexpr (requires { this->begin(act); }) this->begin(act);
        },
        step);
  });
}

void SimInstance::extend(Instant lease_valid_until) {
  if (!lease_valid_until_.is_never())
    lease_valid_until_ = std::max(lease_valid_until_, lease_valid_until);
}

void SimInstance::cancel() {
  if (!done_ || is_cancelled_) return;
  is_cancelled_ = true;
  if (child_ != Child::None) {
    interrupt_child();
    end(ActOutcome::Cancelled, "its process was killed");
    return;
  }
  if (server_.process() == ProcessState::Starting) {
    server_.shut_down(ShutdownMode::Immediate, [] {});
    return;  // the start ends by it
  }
  if (server_.process() == ProcessState::Stopping) {
    server_.shut_down(ShutdownMode::Immediate, [] {});
    return;
  }
  if (!is_past_return_) end(ActOutcome::Cancelled, "nothing had been begun that cannot be left");
}

void SimInstance::observe(std::function<void(InstanceView)> seen) {
  const bool is_slow = sim_.draw_failure();
  const auto takes = is_slow ? sim_.dice.between(1s, 3s) : sim_.draw(sim_.pace.observe);
  sim_.queue.in(takes, [this, alive = is_alive_, is_slow, seen = std::move(seen)] {
    if (!*alive) return;
    auto view = view_now();
    if (is_slow && view.process == ProcessState::Running) view.role_is_stale = true;
    mailbox_->deliver([seen, view = std::move(view)] { seen(view); });
  });
}

void SimInstance::on_change(std::function<void(InstanceView)> handler) {
  server_.on_change = [this, alive = is_alive_, handler = std::move(handler)] {
    sim_.queue.in(1ms, [this, alive, handler, view = view_now()] {
      if (*alive) mailbox_->deliver([handler, view] { handler(view); });
    });
  };
}

InstanceView SimInstance::view_now() const {
  auto view = server_.view();
  view.seen_at = local_now();
  if (view.postmaster_pid == in_force_.pid && view.sync_names == in_force_.text) {
    view.sync_names_are_in_force = view.process == ProcessState::Running;
    view.sync_names_since = in_force_.since;
  }
  return view;
}

SimServer* SimInstance::reachable(const std::string& host) const {
  const auto found = servers_.find(host);
  if (found == servers_.end() || found->second == &server_) return nullptr;
  return sim_.network.is_open_both(server_.place(), found->second->place()) ? found->second
                                                                            : nullptr;
}

bool SimInstance::try_directory(const char* what) {
  if (server_.process() != ProcessState::Stopped) {
    end(ActOutcome::Failed, std::string(what) + ": the server runs");
    return false;
  }
  return true;
}

// ---- Starting and stopping

void SimInstance::start(bool as_standby) {
  if (!try_directory("start")) return;
  if (server_.directory().state != DataDirectory::Valid) {
    end(ActOutcome::Failed, "the data directory holds no cluster");
    return;
  }
  if (server_.disk_is_full || sim_.draw_failure()) {
    server_.could_not_start_at = sim_.queue.now();
    end(ActOutcome::Failed, "postmaster ended at start: no space left on device");
    return;
  }
  server_.boot(as_standby, [this, alive = is_alive_](bool is_running) {
    if (!*alive) return;
    if (is_running) {
      end(ActOutcome::Done);
    } else {
      end(is_cancelled_ ? ActOutcome::Cancelled : ActOutcome::Failed, "postmaster ended at start");
    }
  });
}

void SimInstance::begin(const StartPrimary& /*step*/) {
  if (local_now() > lease_valid_until_) {
    end(ActOutcome::Failed, "the lease would have run out");
    return;
  }
  start(false);
}

void SimInstance::begin(const StartStandby& step) {
  server_.directory().upstream = {
      .host = step.upstream.host, .port = step.upstream.port, .slot = step.upstream.slot};
  server_.is_without_archive = step.upstream.is_without_archive;
  start(true);
}

void SimInstance::stop(bool is_fast) {
  server_.shut_down(is_fast ? ShutdownMode::Fast : ShutdownMode::Immediate,
                    [this, alive = is_alive_, act = act_] {
                      if (*alive && act == act_) end(ActOutcome::Done);
                    });
}

void SimInstance::begin(const Demote& step) {
  server_.is_asked_to_stop = true;
  const bool is_fast = step.mode == DemoteMode::Graceful || step.mode == DemoteMode::Offline;
  if (step.mode == DemoteMode::Graceful) {
    after(sim_.draw(sim_.pace.checkpoint), [this] { stop(true); });
  } else {
    stop(is_fast);
  }
}

void SimInstance::begin(const Stop& step) {
  stop(step.mode == StopMode::Fast);
}

void SimInstance::begin(const Restart& step) {
  if (server_.process() != ProcessState::Running) {
    end(ActOutcome::Failed, "the server does not run");
    return;
  }
  const bool as_standby = server_.is_in_recovery();
  server_.shut_down(ShutdownMode::Fast, [this, alive = is_alive_, act = act_, as_standby, step] {
    if (!*alive || act != act_) return;
    // Not from inside the end of the old postmaster.
    after(Duration(1), [this, as_standby, step] {
      if (is_cancelled_) {
        end(ActOutcome::Cancelled, "between stop and start");
      } else if (local_now() > lease_valid_until_) {
        end(ActOutcome::Failed, "the lease would have run out");
      } else {
        start(as_standby);
      }
    });
  });
}

void SimInstance::begin(const CopySlots& step) {
  const SimServer* source = reachable(step.source.host);
  if (source == nullptr || !source->is_running_primary()) {
    end(ActOutcome::Failed, "no primary answers at " + step.source.host);
    return;
  }
  for (const auto& slot : step.slots)
    if (source->directory().logical_slots.contains(slot.name))
      server_.directory().logical_slots.insert(slot.name);
  begin(Restart{});
}

void SimInstance::begin(const Follow& step) {
  after(sim_.draw(sim_.pace.small_act), [this, step] {
    server_.follow(
        {.host = step.upstream.host, .port = step.upstream.port, .slot = step.upstream.slot});
    end(ActOutcome::Done);
  });
}

void SimInstance::begin(const Promote& step) {
  if (server_.is_running_primary()) {
    end(ActOutcome::Done, "is a primary already");
    return;
  }
  if (sim_.draw_failure()) {
    end(ActOutcome::Failed, "the promotion was refused");
    return;
  }
  server_.is_being_promoted = true;
  after(sim_.draw_act(sim_.pace.promote), [this, step] {
    if (server_.process() != ProcessState::Running || !server_.is_in_recovery()) {
      end(ActOutcome::Failed, "the server is no running standby");
      return;
    }
    if (local_now() > lease_valid_until_) {
      end(ActOutcome::Failed, "the lease would have run out");
      return;
    }
    is_past_return_ = true;
    // From here on it happens whatever becomes of the agent.
    const auto takes = sim_.draw(sim_.pace.small_act);
    sim_.queue.in(takes, [this, alive = is_alive_, server = &server_, pid = server_.pid(),
                          timeline = step.timeline] {
      const bool is_same = server->pid() == pid && server->process() == ProcessState::Running;
      if (is_same && server->is_in_recovery()) {
        // It may also end in the middle of it.
        const bool is_cut_short = server->archive_is_broken && !server->is_without_archive;
        if (server->disk_is_full || server->ends_when_promoted || is_cut_short ||
            (sim_.draw_failure() && sim_.dice.chance(30))) {
          server->kill();
        } else {
          server->promote(timeline);
        }
      }
      const bool is_open = is_same && server->is_running_primary();
      if (*alive) end(is_open ? ActOutcome::Done : ActOutcome::Failed, is_open ? "" : "it crashed");
    });
  });
}

// ---- Making, copying, removing

void SimInstance::begin(const Bootstrap& /*step*/) {
  auto& directory = server_.directory();
  if (!try_directory("initdb")) return;
  if (directory.state != DataDirectory::Missing) {
    end(ActOutcome::Failed, "initdb: the directory is not empty");
    return;
  }
  directory = SimServer::Directory{};
  directory.state = DataDirectory::Broken;
  child_ = Child::Initdb;
  after(sim_.draw_act(sim_.pace.bootstrap), [this] {
    auto& made = server_.directory();
    made.state = DataDirectory::Valid;
    made.system_id =
        std::to_string(7'000'000'000'000'000'000 + sim_.dice.between(0, 1'000'000'000));
    made.control = ControlState::ShutDown;
    made.control_timeline = made.newest_timeline = Timeline{1};
    made.wal.append({.id = sim_.next_id++, .timeline = Timeline{1}, .end = Lsn{0x1000000}});
    child_ = Child::None;
    server_.is_bootstrapping = true;
    start(false);
  });
}

void SimInstance::begin(const SetAsideDataDirectory& /*step*/) {
  if (!try_directory("rename")) return;
  after(sim_.draw(sim_.pace.small_act),
        [this] {  // nothing is deleted: no case for the referee
          server_.directory() = SimServer::Directory{};
          server_.is_bootstrapping = false;
          end(ActOutcome::Done);
        });
}

void SimInstance::begin(const RemoveDataDirectory& /*step*/) {
  if (!try_directory("remove")) return;
  if (witness_ != nullptr) witness_->removing(server_);
  server_.directory() = SimServer::Directory{};
  server_.directory().state = DataDirectory::Broken;
  after(sim_.draw(sim_.pace.remove), [this] {
    server_.directory().state = DataDirectory::Missing;
    end(ActOutcome::Done);
  });
}

// Looks after the source every now and then until the copy is complete; null: the source is lost.
void SimInstance::copy_on(const std::string& host, std::uint64_t pid_of_source, Instant until,
                          bool must_be_primary, std::function<void(const SimServer*)> copied) {
  const SimServer* source = reachable(host);
  const bool is_there = source != nullptr && source->process() == ProcessState::Running &&
                        static_cast<std::uint64_t>(source->pid()) == pid_of_source &&
                        (!must_be_primary || source->is_running_primary());
  if (!is_there) {
    copied(nullptr);
    return;
  }
  const auto left = until - sim_.queue.now();
  if (left <= 0ns) {
    copied(source);
    return;
  }
  child_after(std::min<Duration>(left, kCheckSource),
              [this, host, pid_of_source, until, must_be_primary, copied = std::move(copied)] {
                copy_on(host, pid_of_source, until, must_be_primary, copied);
              });
}

void SimInstance::begin(const CloneFrom& step) {
  auto& directory = server_.directory();
  if (!try_directory("pg_basebackup")) return;
  if (directory.state != DataDirectory::Missing) {
    end(ActOutcome::Failed, "pg_basebackup: the directory is not empty");
    return;
  }
  if (step.source.host.empty()) {
    server_.restore_backup();
    directory.has_recovery_signal = false;
    directory.control = ControlState::InArchiveRecovery;
    end(ActOutcome::Done);
    return;
  }
  const SimServer* source = reachable(step.source.host);
  if (source == nullptr || source->process() != ProcessState::Running) {
    end(ActOutcome::Failed, "pg_basebackup: cannot connect to " + step.source.host);
    return;
  }
  if (!step.source.slot.empty() && !step.source.is_remote)
    servers_.at(step.source.host)
        ->directory()
        .slots.try_emplace(step.source.slot, servers_.at(step.source.host)->directory().wal.end());
  directory.state = DataDirectory::Broken;
  child_ = Child::Clone;
  const auto until = sim_.queue.now() + sim_.draw_act(sim_.pace.clone);
  copy_on(step.source.host, static_cast<std::uint64_t>(source->pid()), until, false,
          [this, granted = server_.fresh_copies_granted](const SimServer* from) {
            auto& made = server_.directory();
            if (from == nullptr || server_.disk_is_full) {
              made = SimServer::Directory{};  // pg_basebackup cleans up after itself
              if (sim_.dice.chance(30)) made.state = DataDirectory::Broken;  // mostly
              end(ActOutcome::Failed, "pg_basebackup: lost the connection");
              return;
            }
            made = from->directory();
            made.has_standby_signal = false;
            made.upstream = {};
            made.slots.clear();
            made.logical_slots.clear();
            made.control = ControlState::InArchiveRecovery;
            // One that was asked for while this was made is to come yet (sim seed 40038345).
            if (granted == server_.fresh_copies_granted) server_.may_be_removed = false;
            end(ActOutcome::Done);
          });
}

void SimInstance::begin(const Rewind& step) {
  if (!try_directory("pg_rewind")) return;
  if (server_.directory().state != DataDirectory::Valid) {
    end(ActOutcome::Failed, "pg_rewind: the data directory holds no cluster");
    return;
  }
  const SimServer* source = reachable(step.source.host);
  if (source == nullptr || !source->is_running_primary()) {
    end(ActOutcome::Failed, "pg_rewind: no primary answers at " + step.source.host);
    return;
  }
  if (witness_ != nullptr) witness_->rewinding(server_, *source);
  if (source->directory().control_timeline != source->directory().wal.timeline()) {
    end(ActOutcome::Failed, "pg_rewind: the source has not made a checkpoint on its timeline");
    return;
  }
  if (source->directory().system_id != server_.directory().system_id) {
    end(ActOutcome::Failed, "pg_rewind: source and target are from different systems");
    return;
  }
  child_ = Child::Rewind;
  const auto until = sim_.queue.now() + sim_.draw_act(sim_.pace.rewind);
  const bool will_fail = sim_.draw_failure();
  copy_on(step.source.host, static_cast<std::uint64_t>(source->pid()), until, true,
          [this, will_fail](const SimServer* from) {
            auto& target = server_.directory();
            if (from == nullptr || will_fail) {
              if (sim_.dice.chance(30)) target.state = DataDirectory::Broken;
              end(ActOutcome::Failed, from == nullptr ? "pg_rewind: lost the connection"
                                                      : "pg_rewind: could not open a file");
              return;
            }
            target.wal = from->directory().wal;
            target.newest_timeline = from->directory().newest_timeline;
            target.control_timeline = from->directory().control_timeline;
            target.control = ControlState::InArchiveRecovery;
            sim_.tell(server_.name(), [&] {
              return "rewound to " + from->name() + ", " + position_text(target.wal);
            });
            end(ActOutcome::Done);
          });
}

// The child that worked on the directory is gone in the middle of it.
void SimInstance::interrupt_child() {
  auto& directory = server_.directory();
  if (child_ == Child::Rewind && sim_.dice.chance(50)) directory.state = DataDirectory::Broken;
  child_ = Child::None;
}

// ---- Divergence

Divergence judge_divergence(const SimServer& local, const SimServer& source, std::string& detail) {
  const Wal& mine = local.directory().wal;
  const Wal& theirs = source.directory().wal;
  detail = position_text(mine) + " here, " + position_text(theirs) + " there";
  if (mine.empty()) return Divergence::Unknown;
  if (mine.timeline() > theirs.timeline()) return Divergence::Diverged;
  if (mine.timeline() == theirs.timeline()) {
    // A timeline has one writer. Whoever finds another primary on the timeline that it wrote itself
    // has written a history of its own.
    if (!was_standby(local)) return Divergence::Diverged;
    return mine.end() > theirs.end() ? Divergence::Diverged : Divergence::None;
  }
  return theirs.could_serve(mine.timeline(), mine.end()) ? Divergence::None : Divergence::Diverged;
}

DivergenceSeen SimInstance::compare(const Upstream& source) const {
  DivergenceSeen seen{.source = source.name, .seen_at = local_now()};
  const SimServer* there = reachable(source.host);
  if (there == nullptr || !there->is_running_primary()) {
    seen.detail = "no primary answers at " + source.host;
    return seen;
  }
  seen.source_timeline = there->directory().wal.timeline();
  seen.verdict = judge_divergence(server_, *there, seen.detail);
  return seen;
}

void SimInstance::begin(const ExamineDivergence& step) {
  const bool is_there = reachable(step.source.host) != nullptr;
  after(sim_.draw(is_there ? sim_.pace.small_act : sim_.pace.unanswered), [this, step] {
    auto seen = compare(step.source);
    const bool is_known = seen.verdict != Divergence::Unknown;
    auto detail = seen.detail;
    end(is_known ? ActOutcome::Done : ActOutcome::Failed, std::move(detail), std::move(seen));
  });
}

// ---- Small acts

// The position is taken when the last process has read the names, not before.
void SimInstance::set_sync_names(const SetSyncNames& step, Done done) {
  const auto pid = server_.pid();
  const auto answer = [this, done = std::move(done)](ActOutcome outcome, std::string detail) {
    mailbox_->deliver([done, result = ActResult{.outcome = outcome,
                                                .detail = std::move(detail),
                                                .divergence = {}}] { done(result); });
  };
  const bool is_running = server_.process() == ProcessState::Running && pid != 0;
  if (!is_running || sim_.draw_failure()) {
    answer(ActOutcome::Failed,
           is_running ? "the configuration cannot be written" : "the server does not run");
    return;
  }
  const auto text = step.text.value_or("");
  in_force_ = {};
  sim_.tell(server_.name(), [&] { return "postgres reads synchronous_standby_names: " + text; });
  auto is_told = std::make_shared<bool>(false);
  server_.set_sync_names(
      text, step.text.has_value(), [this, alive = is_alive_, pid, text, answer, is_told] {
        if (!*alive || std::exchange(*is_told, true)) return;
        in_force_ = {.pid = pid,
                     .text = text,
                     .since = server_.is_in_recovery() ? Lsn{} : server_.directory().wal.end()};
        answer(ActOutcome::Done, "");
      });
  sim_.queue.in(2s, [alive = is_alive_, answer, is_told] {
    if (*alive && !std::exchange(*is_told, true)) answer(ActOutcome::Failed, "it is not in force");
  });
}

void SimInstance::small(const Step& step, Done done) {
  if (const auto* names = std::get_if<SetSyncNames>(&step)) {
    sim_.queue.in(sim_.draw(sim_.pace.small_act),
                  [this, alive = is_alive_, step = *names, done = std::move(done)] {
                    if (*alive) set_sync_names(step, done);
                  });
    return;
  }
  const auto pace =
      std::holds_alternative<Checkpoint>(step) ? sim_.pace.checkpoint : sim_.pace.small_act;
  sim_.queue.in(sim_.draw(pace), [this, alive = is_alive_, step, done = std::move(done),
                                  pid = server_.pid()] {
    if (!*alive) return;
    const bool is_running = server_.process() == ProcessState::Running && server_.pid() == pid;
    if (is_running) {
      if (std::holds_alternative<Checkpoint>(step)) server_.checkpoint();
      if (std::holds_alternative<ResumeReplay>(step)) server_.replay_is_paused = false;
      if (std::holds_alternative<WakeReceiver>(step)) server_.wake_receiver();
      if (const auto* keep = std::get_if<KeepSlots>(&step)) {
        auto& directory = server_.directory();
        for (const auto& name : keep->drop) {
          directory.slots.erase(name);
          directory.logical_slots.erase(name);
        }
        for (const auto& request : keep->wanted) {
          if (request.is_logical)
            directory.logical_slots.insert(request.name);
          else
            directory.slots.try_emplace(request.name, directory.wal.end());
        }
      }
    }
    const ActResult result{.outcome = is_running || std::holds_alternative<ApplyConfiguration>(step)
                                          ? ActOutcome::Done
                                          : ActOutcome::Failed,
                           .detail = is_running ? "" : "the server does not run",
                           .divergence = {}};
    mailbox_->deliver([done, result] { done(result); });
  });
}

}  // namespace pgherd::sim
