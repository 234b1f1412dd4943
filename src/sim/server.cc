#include "sim/server.h"

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace pgherd::sim {

SimServer::SimServer(SimContext& sim, const Servers& servers, Place place, NodeName name)
    : sim_(sim), servers_(servers), place_(place), name_(std::move(name)) {}

void SimServer::later(Duration after, EventQueue::Call call) {
  sim_.queue.in(after, [this, epoch = epoch_, call = std::move(call)]() mutable {
    if (epoch != epoch_) return;
    if (!is_suspended_) return call();
    held_.push_back([this, epoch, call = std::move(call)]() mutable {
      if (epoch == epoch_) call();
    });
  });
}

void SimServer::changed() {
  if (on_change) on_change();
}

void SimServer::enter(ProcessState state) {
  process_ = state;
  sim_.queue.mix(static_cast<std::uint64_t>(state) * 31 + static_cast<std::uint64_t>(place_));
}

// ---- Start and end

void SimServer::boot(bool as_standby, std::function<void(bool)> running) {
  PGHERD_CHECK(process_ == ProcessState::Stopped, "two postmasters would run on one directory");
  PGHERD_CHECK(directory_.state == DataDirectory::Valid, "a postmaster would start on nothing");
  is_asked_to_stop = false;
  is_being_promoted = false;
  ++epoch_;
  pid_ = 1000 + static_cast<std::int64_t>(sim_.next_id++);
  received_ = Lsn{};
  is_in_recovery_ = as_standby;
  replay_is_paused = false;
  directory_.has_standby_signal = as_standby;
  directory_.has_recovery_signal = false;
  running_ = std::move(running);
  sync_commit_.begin(directory_.sync_names);
  const bool was_clean = directory_.control == ControlState::ShutDown ||
                         directory_.control == ControlState::ShutDownInRecovery;
  directory_.control = as_standby  ? ControlState::InArchiveRecovery
                       : was_clean ? ControlState::StartingUp
                                   : ControlState::InCrashRecovery;
  enter(ProcessState::Starting);
  const auto pace = was_clean ? sim_.pace.start_clean : sim_.pace.crash_recovery;
  later(sim_.draw_act(pace), [this, as_standby] { finish_boot(as_standby); });
}

void SimServer::finish_boot(bool as_standby) {
  // A postmaster that was told to stop while it started opens for nobody (sim seed 7002598).
  if (process_ != ProcessState::Starting) return;
  enter(ProcessState::Running);
  running_since = sim_.queue.now();
  if (as_standby) {
    connect_upstream();
  } else {
    directory_.control = ControlState::InProduction;
    has_backends_ = true;
    if (witness != nullptr) witness->opened_for_writes(*this, false);
    checkpoint();  // the end of crash recovery is one
  }
  sim_.tell(name_, [&] {
    return std::string("postgres runs as a ") + (as_standby ? "standby" : "primary") +
           " on timeline " + std::to_string(directory_.wal.timeline().value) + " at " +
           to_string(directory_.wal.end());
  });
  if (auto told = std::exchange(running_, nullptr)) told(true);
  changed();
}

void SimServer::end_process() {
  if (process_ == ProcessState::Stopped) return;
  ++epoch_;
  enter(ProcessState::Stopped);
  pid_ = 0;
  has_backends_ = false;
  is_in_recovery_ = false;
  sync_commit_.end();
  ++upstream_attempt_;
  if (upstream_ != nullptr) {
    upstream_->receivers_.erase(name_);
    upstream_ = nullptr;
  }
  auto receivers = std::exchange(receivers_, {});
  for (const auto& [name, receiver] : receivers) {
    detach(*servers_.at(name));
  }
  if (auto told = std::exchange(running_, nullptr)) told(false);
  for (auto& stopped : std::exchange(stopped_, {})) {
    stopped();
  }
  changed();
}

void SimServer::fill_disk() {
  disk_is_full = true;
  if (is_running_primary()) {
    sim_.tell(name_, [] { return "postgres panics: no space left on device"; });
    end_process();
  }
}

void SimServer::resume() {
  if (!is_suspended_) return;
  is_suspended_ = false;
  for (auto& call : std::exchange(held_, {}))
    call();
}

void SimServer::kill() {
  if (process_ == ProcessState::Stopped) return;
  sim_.tell(name_, [] { return "postgres is killed"; });
  end_process();
}

void SimServer::shut_down(ShutdownMode mode, std::function<void()> stopped) {
  if (process_ == ProcessState::Stopped) {
    stopped();
    return;
  }
  stopped_.push_back(std::move(stopped));
  if (mode == ShutdownMode::Immediate) {
    enter(ProcessState::Stopping);
    later(sim_.draw(sim_.pace.immediate), [this] { end_process(); });
    return;
  }
  if (process_ == ProcessState::Stopping) return;
  const bool was_running = process_ == ProcessState::Running;
  enter(ProcessState::Stopping);
  if (!was_running) {  // start-up gives way without a checkpoint
    later(sim_.draw(sim_.pace.immediate), [this] { end_process(); });
    return;
  }
  if (is_in_recovery_) {
    has_backends_ = false;
    later(sim_.draw_act(sim_.pace.shutdown), [this] {
      directory_.control = ControlState::ShutDownInRecovery;
      end_process();
    });
    return;
  }
  later(sim_.draw(sim_.pace.end_backends), [this] {
    has_backends_ = false;
    directory_.control = ControlState::ShuttingDown;
    later(sim_.draw_act(sim_.pace.shutdown), [this] { end_after_checkpoint(); });
  });
}

// The shutdown checkpoint is the last record; WAL senders stay until their standbys have it or are
// gone (PostgreSQL manual, 27.2.5: "waits until all outstanding WAL has been sent").
void SimServer::end_after_checkpoint() {
  append_own(112);
  directory_.control = ControlState::ShutDown;
  directory_.control_timeline = directory_.wal.timeline();
  sim_.tell(name_, [&] {
    return "postgres is shut down, checkpoint at " + to_string(directory_.wal.start_of_last());
  });
  changed();
  const auto archiving = sim_.draw_act(sim_.pace.archive_at_shutdown);
  const auto patience = sim_.queue.now() + archiving + sim_.draw(sim_.pace.receiver_timeout);
  const auto wait = [this, patience](auto& self) -> void {
    if (everything_is_sent() || sim_.queue.now() >= patience) {
      end_process();
    } else {
      later(20ms, [self]() mutable { self(self); });
    }
  };
  later(archiving, [wait]() mutable { wait(wait); });
}

bool SimServer::everything_is_sent() const {
  return std::all_of(receivers_.begin(), receivers_.end(), [this](const auto& one) {
    return one.second.flushed >= directory_.wal.end();
  });
}

void SimServer::restore_backup() {
  directory_ = {};
  directory_.state = DataDirectory::Valid;
  directory_.system_id = "7000000000000000001";
  directory_.control = ControlState::InProduction;  // as it was when the backup was taken
  directory_.control_timeline = directory_.newest_timeline = Timeline{1};
  directory_.has_standby_signal = directory_.has_recovery_signal = true;
  directory_.wal.append({.id = sim_.next_id++, .timeline = Timeline{1}, .end = Lsn{0x1000000}});
}

void SimServer::promote(Timeline at_least) {
  PGHERD_CHECK(process_ == ProcessState::Running && is_in_recovery_, "a primary would be promoted");
  if (upstream_ != nullptr) {
    upstream_->receivers_.erase(name_);
    upstream_ = nullptr;
  }
  ++upstream_attempt_;
  is_in_recovery_ = false;
  directory_.has_standby_signal = false;
  for (auto& [slot, confirmed] : directory_.slots)
    confirmed = directory_.wal.end();
  const Timeline next{std::max(directory_.newest_timeline, directory_.wal.timeline()).value + 1};
  directory_.newest_timeline = std::max(next, at_least);
  append({.id = sim_.next_id++,
          .timeline = directory_.newest_timeline,
          .end = Lsn{directory_.wal.end().bytes + 48}});
  directory_.control = ControlState::InProduction;
  has_backends_ = true;
  sim_.tell(name_, [&] {
    const auto& left = directory_.wal.switches().back();
    return "postgres is promoted to timeline " + std::to_string(directory_.newest_timeline.value) +
           " at " + to_string(left.at);
  });
  if (witness != nullptr) witness->opened_for_writes(*this, true);
  later(sim_.draw(sim_.pace.automatic_checkpoint), [this] { checkpoint(); });
  changed();
}

void SimServer::checkpoint() {
  if (is_running_primary()) directory_.control_timeline = directory_.wal.timeline();
}

std::optional<std::uint64_t> SimServer::write(OnCommit told) {
  if (!can_acknowledge()) return std::nullopt;
  append_own(static_cast<std::uint64_t>(sim_.dice.between(100, 900)));
  const auto id = directory_.wal[directory_.wal.size() - 1].id;
  if (told) {
    sync_commit_.wait(id, directory_.wal.end(), sim_.queue.now(), std::move(told));
    release_commits();
  }
  return id;
}

void SimServer::release_commits() {
  if (!can_acknowledge()) return;
  SyncCommit::Reported reported;
  for (const auto& [name, receiver] : receivers_)
    reported[name] = receiver.flushed;
  sync_commit_.release(reported);
}

void SimServer::set_sync_names(const std::string& text, bool are_ours,
                               std::function<void()> in_force) {
  directory_.sync_names = text;
  directory_.sync_names_are_ours = are_ours;
  sync_commit_.reload(text);
  release_commits();
  later(sim_.draw(sim_.pace.reload), [this, reload = ++reloads_, in_force = std::move(in_force)] {
    if (reload == reloads_) sync_commit_.settle();
    release_commits();
    in_force();
  });
}

void SimServer::append_own(std::uint64_t bytes) {
  append({.id = sim_.next_id++,
          .timeline = directory_.wal.timeline(),
          .end = Lsn{directory_.wal.end().bytes + bytes}});
}

void SimServer::append(const WalRecord& record) {
  directory_.wal.append(record);
  for (auto& [name, receiver] : receivers_) {
    send_wal(*servers_.at(name));
  }
}

// ---- Streaming

void SimServer::follow(const UpstreamView& upstream) {
  directory_.upstream = upstream;
  if (process_ != ProcessState::Running || !is_in_recovery_) return;
  if (upstream_ != nullptr && upstream_->name_ == upstream.host) return;
  if (upstream_ != nullptr) upstream_->receivers_.erase(name_);
  upstream_ = nullptr;
  connect_upstream();
}

void SimServer::wake_receiver() {
  if (process_ == ProcessState::Running && is_in_recovery_ && upstream_ == nullptr)
    connect_upstream();
}

// As PostgreSQL comes: wal_retrieve_retry_interval is 5 s.
void SimServer::connect_later() {
  later(sim_.draw(sim_.pace.reconnect), [this, attempt = upstream_attempt_] {
    if (attempt == upstream_attempt_) connect_upstream();
  });
}

void SimServer::connect_upstream() {
  ++upstream_attempt_;
  const auto found = servers_.find(directory_.upstream.host);
  if (found == servers_.end() || found->second == this) return;
  SimServer& upstream = *found->second;
  if (!sim_.network.is_open_both(place_, upstream.place_)) {
    connect_later();
    return;
  }
  if (upstream.process_ != ProcessState::Running ||
      upstream.directory_.system_id != directory_.system_id) {
    connect_later();
    return;
  }
  // The history files come over before it is known whether this log fits.
  directory_.newest_timeline =
      std::max(directory_.newest_timeline, upstream.directory_.wal.timeline());
  if (!upstream.directory_.wal.could_serve(directory_.wal.timeline(), directory_.wal.end())) {
    sim_.tell(name_, [&] {
      return "postgres cannot stream from " + upstream.name_ + ": timeline " +
             std::to_string(directory_.wal.timeline().value) + " here goes to " +
             to_string(directory_.wal.end());
    });
    connect_later();
    return;
  }
  attach_to(upstream);
}

void SimServer::attach_to(SimServer& upstream) {
  upstream_ = &upstream;
  if (upstream.is_running_primary()) failed_promotions = 0;
  upstream.receivers_[name_] = Receiver{};
  upstream.confirm(name_, directory_.wal.end());
  if (witness != nullptr) witness->attached(*this, upstream);
  received_ = directory_.wal.end();
  sim_.tell(name_, [&] { return "postgres streams from " + upstream.name_; });
  upstream.send_wal(*this);
}

void SimServer::confirm(const NodeName& standby, Lsn position) {
  receivers_.at(standby).flushed = position;
  const auto slot = directory_.slots.find(standby);
  if (slot != directory_.slots.end()) slot->second = position;
}

void SimServer::detach(SimServer& standby) {
  const bool hears_it = !sim_.network.is_cut(place_, standby.place_);
  const auto after = hears_it ? 2ms : sim_.draw(sim_.pace.receiver_timeout);
  standby.later(after, [this, &standby, attempt = standby.upstream_attempt_] {
    if (attempt == standby.upstream_attempt_ && standby.upstream_ == this) standby.lose_upstream();
  });
}

void SimServer::lose_upstream() {
  if (upstream_ != nullptr) upstream_->receivers_.erase(name_);
  upstream_ = nullptr;
  ++upstream_attempt_;
  connect_later();
}

void SimServer::send_wal(SimServer& standby) {
  const auto found = receivers_.find(standby.name_);
  if (found == receivers_.end() || found->second.has_message_under_way) return;
  const auto first = standby.directory_.wal.size();
  if (first >= directory_.wal.size()) return;
  std::vector<WalRecord> records;
  for (auto index = first; index < directory_.wal.size(); ++index) {
    records.push_back(directory_.wal[index]);
  }
  found->second.has_message_under_way = true;
  const bool is_sent = sim_.network.send_in_order(
      place_, standby.place_, found->second.last_arrival,
      [this, &standby, first, records = std::move(records), epoch = standby.epoch_,
       attempt = standby.upstream_attempt_] {
        if (epoch != standby.epoch_ || attempt != standby.upstream_attempt_) return;
        standby.receive(first, records, *this);
      });
  if (!is_sent) {
    standby.later(sim_.draw(sim_.pace.receiver_timeout),
                  [&standby, attempt = standby.upstream_attempt_] {
                    if (attempt == standby.upstream_attempt_) standby.lose_upstream();
                  });
  }
}

void SimServer::receive(std::size_t first, const std::vector<WalRecord>& records, SimServer& from) {
  if (upstream_ != &from || first != directory_.wal.size()) return;
  for (const auto& record : records) {
    append(record);
    directory_.newest_timeline = std::max(directory_.newest_timeline, record.timeline);
  }
  received_ = directory_.wal.end();
  const auto found = from.receivers_.find(name_);
  if (found == from.receivers_.end()) return;
  // What it reports may not get through.
  if (!sim_.network.is_cut(place_, from.place_)) from.confirm(name_, directory_.wal.end());
  found->second.has_message_under_way = false;
  from.send_wal(*this);
  from.release_commits();
}

// ---- What is seen

InstanceView SimServer::view() const {
  InstanceView seen;
  seen.data_directory = directory_.state;
  seen.process = process_;
  seen.postmaster_pid = pid_;
  seen.server_version = 170004;
  if (directory_.state != DataDirectory::Valid) return seen;
  seen.has_standby_signal = directory_.has_standby_signal;
  seen.has_recovery_signal = directory_.has_recovery_signal;
  seen.control = ControlData{.system_id = directory_.system_id,
                             .state = directory_.control,
                             .timeline = directory_.control_timeline,
                             .checkpoint = directory_.wal.start_of_last(),
                             .minimum_recovery_end = {},
                             .minimum_recovery_timeline = {},
                             .can_be_rewound = true};
  const bool is_standby_directory = directory_.control == ControlState::InArchiveRecovery ||
                                    directory_.control == ControlState::ShutDownInRecovery;
  if (is_standby_directory) {
    seen.control->minimum_recovery_end = directory_.wal.end();
    seen.control->minimum_recovery_timeline = directory_.wal.timeline();
  }
  seen.upstream = directory_.upstream;
  if (process_ == ProcessState::Stopped) return seen;
  seen.postmaster_start_time = "start " + std::to_string(pid_);
  if (process_ != ProcessState::Running) return seen;
  seen.in_recovery = is_in_recovery_;
  seen.has_restore_command = has_archive && !is_without_archive;
  seen.timeline = directory_.wal.timeline();
  seen.history = directory_.wal.history();
  seen.sync_names = directory_.sync_names;
  seen.sync_names_are_ours = directory_.sync_names_are_ours;
  if (is_in_recovery_) {
    seen.received = received_;
    seen.replayed = directory_.wal.end();
    seen.is_streaming = upstream_ != nullptr;
    seen.replay_is_paused = replay_is_paused;
    seen.received_timeline = received_.is_known() ? directory_.wal.timeline() : Timeline{};
  } else {
    seen.flushed = directory_.wal.end();
  }
  for (const auto& [name, receiver] : receivers_) {
    seen.wal_senders.push_back({.application_name = name,
                                .state = "streaming",
                                .sync_state = sync_commit_.state_of(name),
                                .written = receiver.flushed,
                                .flushed = receiver.flushed,
                                .replayed = receiver.flushed});
  }
  for (const auto& [slot, confirmed] : directory_.slots) {
    seen.slots.push_back({.name = slot,
                          .is_physical = true,
                          .is_active = false,
                          .is_temporary = false,
                          .restart_lsn = is_in_recovery_ ? directory_.wal.end() : confirmed,
                          .has_xmin = false,
                          .wal_status = "reserved"});
  }
  for (const auto& slot : directory_.logical_slots) {
    seen.slots.push_back({.name = slot,
                          .is_physical = false,
                          .restart_lsn = directory_.wal.end(),
                          .wal_status = "reserved",
                          .plugin = "test_decoding",
                          .database = "postgres",
                          .confirmed_flush = directory_.wal.end()});
  }
  return seen;
}

}  // namespace pgherd::sim
