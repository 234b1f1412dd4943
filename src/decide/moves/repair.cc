#include "decide/moves/repair.h"

#include <string>
#include <utility>

#include "decide/facts/divergence.h"
#include "decide/facts/upstream.h"

namespace pgherd {
namespace {

// After a comparison that told nothing.
constexpr Duration kExamineAgain = 2s;
// After one that does not fit what the leader says of itself: either may be the older one.
constexpr Duration kExamineSoon = 500ms;

void explain_refusal(Draft& draft, const DivergenceSeen& known) {
  std::string why = "the local data has left the history of '" + known.source + "' (" +
                    known.detail + ") and may not be repaired: ";
  if (!draft.seen.settings.use_pg_rewind) {
    why += "postgresql.use_pg_rewind is off";
  } else {
    why += "pg_rewind needs wal_log_hints or data checksums";
  }
  why +=
      ". Look at what would be lost, then run 'ctl reinit' for this member, or set "
      "postgresql.remove_data_directory_on_diverged_timelines";
  draft.say(why);
  draft.because("F6", std::move(why));
}

}  // namespace

void compare_histories(Draft& draft, const Upstream& source, const DivergenceSeen* known) {
  const auto& last = draft.seen.divergence;
  const Duration pause = known != nullptr ? kExamineAgain : kExamineSoon;
  if (last && last->source == source.name && !draft.has_come(last->seen_at + pause)) return;
  draft.because("F3", "comparing the local history with the one of '" + source.name + "'");
  draft.plan(ExamineDivergence{.source = source});
}

// F4 histories agree: start and follow. F5 they don't: rewind where that is possible and allowed,
// else copy afresh where the settings allow it. F6 else a person decides, and is told what to do.
// A rewind that failed before it changed anything is tried again after a pause, for most of what it
// can fail of passes by itself; one that was interrupted half-way leaves a broken directory (B8).
// PostgreSQL is down here. Authority: Patroni rewind.py; PostgreSQL manual, pg_rewind.
void repair_divergence(Draft& draft) {
  const auto source = leader_as_source(draft);
  const Member* leader = draft.cluster().leader_member();
  if (!source || !leads_by_its_own_word(*leader)) {
    draft.say("waiting for '" + draft.cluster().leader->name + "' to be a running primary");
    return;
  }
  const DivergenceSeen* known = verdict_on_leader(draft);
  if (known == nullptr || known->verdict == Divergence::Unknown) {
    draft.say("waiting to compare histories with '" + source->name + "'");
    return compare_histories(draft, *source, known);
  }
  if (known->verdict == Divergence::None) {
    draft.because("F4", "the local history is part of the one of '" + source->name + "'");
    draft.plan(StartStandby{.upstream = upstream_for(draft).value_or(*source)});
    return;
  }
  const Settings& settings = draft.seen.settings;
  const bool can_rewind = settings.use_pg_rewind && draft.instance().control->can_be_rewound;
  const bool gives_up_rewind =
      draft.memory.acts.rewind_failed && settings.remove_data_directory_on_rewind_failure;
  if (can_rewind && !gives_up_rewind) {
    if (leader->checkpoint_after_promote_is_pending) {
      draft.say("waiting for the checkpoint of '" + source->name + "' before pg_rewind");
      return;
    }
    draft.because("F5", "running pg_rewind from '" + source->name + "': " + known->detail);
    draft.plan(Rewind{.source = *source});
    return;
  }
  const bool may_remove = settings.remove_data_directory_on_diverged_timelines || gives_up_rewind;
  if (!may_remove) return explain_refusal(draft, *known);
  draft.because("F5", "removing the data directory for a fresh copy from '" + source->name + "'");
  draft.plan(RemoveDataDirectory{.why = known->detail});
}

}  // namespace pgherd
