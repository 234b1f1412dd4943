// What is done beside the long acts: slots, checkpoints, replay, configuration.
#include <fmt/core.h>

#include <csignal>
#include <map>

#include "postgres/local/act_context.h"
#include "postgres/local/config_files.h"
#include "runtime/log.h"

namespace pgherd {
namespace {

namespace asio = boost::asio;

struct PresentSlot {
  bool is_physical = true;
  bool is_active = false;
  Lsn restart_lsn;
  Lsn confirmed_flush;  // of a logical one
};

// Of logical slots WAL is decoded that lies between: it can take its time, and goes on in the
// server where we stop waiting.
constexpr Duration kLogicalAdvanceLimit = 60s;

asio::awaitable<Answer<std::map<std::string, PresentSlot>>> present_slots(ActContext& context,
                                                                          ActControl& control) {
  const auto answer = co_await ask_local(
      context, control,
      "select slot_name, slot_type = 'physical', active, restart_lsn, confirmed_flush_lsn "
      "from pg_replication_slots "
      "where not temporary",
      10s);
  if (!answer) co_return failed("cannot list replication slots: " + answer.error().text);
  std::map<std::string, PresentSlot> slots;
  for (const Row& row : answer->front()) {
    PresentSlot slot;
    slot.is_physical = row[1] == "t";
    slot.is_active = row[2] == "t";
    slot.restart_lsn = row[3] ? parse_lsn(*row[3]).value_or(Lsn{}) : Lsn{};
    slot.confirmed_flush = row[4] ? parse_lsn(*row[4]).value_or(Lsn{}) : Lsn{};
    slots[row[0].value_or("")] = slot;
  }
  co_return slots;
}

// The statements that bring a slot to what is wanted; empty: it is as it should be.
std::string creation_of(const WantedSlot& slot_wanted, const PresentSlot* present) {
  if (slot_wanted.is_logical) {
    if (present != nullptr) return {};
    // On a standby it would begin at a place of its own: there the primary's are copied.
    return fmt::format(
        "select pg_create_logical_replication_slot({}, {}) where not pg_is_in_recovery()",
        quote_sql_literal(slot_wanted.name), quote_sql_literal(slot_wanted.plugin));
  }
  std::string create = fmt::format("select pg_create_physical_replication_slot({}, true)",
                                   quote_sql_literal(slot_wanted.name));
  if (present == nullptr) return create;
  // A slot that never reserved anything protects nobody.
  const bool is_empty = !present->restart_lsn.is_known() && !present->is_active;
  if (!present->is_physical || !is_empty) return {};
  return fmt::format("select pg_drop_replication_slot({}); ", quote_sql_literal(slot_wanted.name)) +
         create;
}

// Only on a standby: on a primary its consumer moves it.
std::string logical_advance_of(const WantedSlot& slot_wanted, const PresentSlot& present) {
  if (present.is_physical || !(present.confirmed_flush < slot_wanted.advance_to)) return {};
  return fmt::format(
      "select pg_replication_slot_advance(slot_name, target) from (select slot_name, "
      "confirmed_flush_lsn, least({}::pg_lsn, pg_last_wal_replay_lsn()) as target "
      "from pg_replication_slots where slot_name = {} and not active) slot "
      "where confirmed_flush_lsn < target and pg_is_in_recovery()",
      quote_sql_literal(to_string(slot_wanted.advance_to)), quote_sql_literal(slot_wanted.name));
}

std::string advance_of(const WantedSlot& slot_wanted, const PresentSlot* present) {
  if (present == nullptr || present->is_active) return {};
  if (slot_wanted.is_logical) return logical_advance_of(slot_wanted, *present);
  if (!present->is_physical) return {};
  if (!slot_wanted.advance_to.is_known() || !(present->restart_lsn < slot_wanted.advance_to))
    return {};
  if (!present->restart_lsn.is_known()) return {};
  // Not beyond what is here, and only where the slot has no consumer of its own. A target that has
  // fallen behind meanwhile is left.
  return fmt::format(
      "select pg_replication_slot_advance(slot_name, target) from (select slot_name, restart_lsn, "
      "least({}::pg_lsn, case when pg_is_in_recovery() then pg_last_wal_replay_lsn() "
      "else pg_current_wal_flush_lsn() end) as target "
      "from pg_replication_slots where slot_name = {} and not active) slot "
      "where restart_lsn < target",
      quote_sql_literal(to_string(slot_wanted.advance_to)), quote_sql_literal(slot_wanted.name));
}

class SlotKeeper {
 public:
  SlotKeeper(ActContext& context, ActControl& control) : context_(context), control_(control) {}

  // `database`: "" where it does not matter. Returns the error's SQLSTATE, "" if there is none.
  asio::awaitable<std::string> run(std::string sql, std::string what, std::string database = {},
                                   Duration limit = 10s) {
    if (sql.empty()) co_return std::string{};
    const auto answer =
        co_await ask_local(context_, control_, std::move(sql), limit, std::move(database));
    // A member that copies itself from here has made its own meanwhile.
    constexpr std::string_view kExistsAlready = "42710";
    if (!answer && answer.error().sqlstate == kExistsAlready) co_return std::string{};
    if (!answer) {
      problems_ +=
          fmt::format("{}cannot {}: {}", problems_.empty() ? "" : "; ", what, answer.error().text);
      co_return answer.error().sqlstate;
    }
    done_ += (done_.empty() ? "" : ", ") + what;
    co_return std::string{};
  }
  asio::awaitable<void> drop(std::string name) {
    auto sql = fmt::format("select pg_drop_replication_slot({})", quote_sql_literal(name));
    (void)co_await run(std::move(sql), "drop slot " + name);
  }
  [[nodiscard]] Done result() const {
    if (!problems_.empty()) return failed(problems_);
    return done_.empty() ? "slots are as they should be" : done_;
  }

 private:
  ActContext& context_;
  ActControl& control_;
  std::string done_;
  std::string problems_;
};

asio::awaitable<void> keep_slot(SlotKeeper& keeper, WantedSlot slot_wanted,
                                const PresentSlot* slot) {
  constexpr std::string_view kWalIsGone = "58P01";
  (void)co_await keeper.run(creation_of(slot_wanted, slot), "create slot " + slot_wanted.name,
                            slot_wanted.database);
  const Duration limit = slot_wanted.is_logical ? kLogicalAdvanceLimit : 10s;
  const std::string problem = co_await keeper.run(
      advance_of(slot_wanted, slot),
      fmt::format("advance slot {} to {}", slot_wanted.name, to_string(slot_wanted.advance_to)),
      slot_wanted.database, limit);
  // It can never go on from there; one that is missing is copied anew (Patroni 3.3.2).
  if (slot_wanted.is_logical && problem == kWalIsGone) co_await keeper.drop(slot_wanted.name);
}

}  // namespace

Act act_keep_slots(ActContext& context, ActControl& control, KeepSlots step) {
  if (context.postmaster->look() != ProcessState::Running)
    co_return failed("PostgreSQL is not running: slots are kept when it is");
  auto slots = co_await present_slots(context, control);
  if (!slots) co_return tl::unexpected(slots.error());
  const auto present = [&](const std::string& name) -> const PresentSlot* {
    const auto found = slots->find(name);
    return found == slots->end() ? nullptr : &found->second;
  };
  SlotKeeper keeper(context, control);
  for (const std::string& name : step.drop) {
    const PresentSlot* slot = present(name);
    if (slot == nullptr || slot->is_active) continue;
    co_await keeper.drop(name);
    slots->erase(name);
  }
  // Logical ones last: nobody waits for what they may take.
  for (const bool is_logical : {false, true}) {
    for (const WantedSlot& slot_wanted : step.wanted)
      if (slot_wanted.is_logical == is_logical)
        co_await keep_slot(keeper, slot_wanted, present(slot_wanted.name));
  }
  co_return keeper.result();
}

Act act_checkpoint(ActContext& context, ActControl& control) {
  const auto done = co_await ask_local(context, control, "checkpoint", 24h);
  if (!done) co_return failed("checkpoint failed: " + done.error().text);
  co_return "checkpoint done";
}

Act act_resume_replay(ActContext& context, ActControl& control) {
  const auto done = co_await ask_local(context, control, "select pg_wal_replay_resume()", 10s);
  if (!done) co_return failed("cannot resume replay: " + done.error().text);
  co_return "replay goes on";
}

// The startup process sleeps on a latch between its attempts; SIGHUP sets it.
Act act_wake_receiver(ActContext& context, ActControl& control, WakeReceiver step) {
  // A member that was made anew may have another address under its name.
  if (co_await look_up_for_wake(context, step.upstream)) {
    const auto prepared = co_await prepare_files(context, control, step.upstream);
    if (!prepared) co_return tl::unexpected(prepared.error());
  }
  if (context.postmaster->look() != ProcessState::Running || !context.postmaster->signal(SIGHUP))
    co_return failed("PostgreSQL is not running: there is no WAL receiver to wake");
  co_return "reloaded, so that the WAL receiver connects now";
}

Act act_apply_configuration(ActContext& context, ActControl& control, ApplyConfiguration step) {
  const auto config = context.config;
  const DirectoryLook look = look_at_data_directory(config->data_dir);
  if (look.state != DataDirectory::Valid || context.is_filling_directory)
    co_return "there is no PostgreSQL to configure yet";
  std::optional<Upstream> upstream;
  std::optional<CallbackRole> role;
  if (look.has_standby_signal) {
    upstream = step.upstream ? *step.upstream : written_upstream(*config);
    if (step.upstream) role = callback_role(role_with(step.upstream));
  }
  const auto prepared = co_await prepare_files(context, control, std::move(upstream));
  if (!prepared) co_return tl::unexpected(prepared.error());
  const ProcessState process = context.postmaster->look();
  if (process == ProcessState::Stopped) co_return "configuration written (" + step.generation + ")";
  if (!context.postmaster->signal(SIGHUP))
    co_return failed("PostgreSQL ended before it could reload");
  Callbacks& callbacks = *context.callbacks;
  if (context.started_with != config) callbacks.call(*config, callbacks.rules.reloaded());
  if (role) callbacks.call(*config, callbacks.rules.takes_role(*role));
  co_return "configuration applied (" + step.generation + ")";
}

}  // namespace pgherd
