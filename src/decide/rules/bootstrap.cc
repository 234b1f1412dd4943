#include "decide/rules/bootstrap.h"

#include <string_view>

#include "decide/facts/claim.h"
#include "decide/facts/electorate.h"
#include "decide/facts/upstream.h"

namespace pgherd {
namespace {

constexpr std::string_view kBootstrapFailed = "bootstrap failed: ";

bool last_act_was_bootstrap(const Draft& draft, ActOutcome outcome) {
  const auto& act = draft.seen.last_act;
  return act && std::holds_alternative<Bootstrap>(act->step) && act->outcome == outcome;
}

void finish_initialize(Draft& draft, std::string_view rule, std::string why) {
  const auto& initialize = draft.cluster().initialize;
  draft.plan(FinishInitialize{
      .system_id = draft.instance().control->system_id,
      .seen = initialize ? std::optional(initialize->mod_revision) : std::nullopt,
      .config_json = draft.seen.self.bootstrap_config,
      .lease = draft.seen.session.lease,
  });
  draft.because(rule, std::move(why));
}

// B4 a bootstrap that failed: what it made is moved aside, the claim is given back, the agent ends.
// The directory first: nobody else's claim may find this node's half-made data in its way.
bool clear_failed_bootstrap(Draft& draft) {
  if (!last_act_was_bootstrap(draft, ActOutcome::Failed) &&
      !last_act_was_bootstrap(draft, ActOutcome::TimedOut) &&
      !last_act_was_bootstrap(draft, ActOutcome::Cancelled)) {
    return false;
  }
  draft.because("B4", "bootstrap failed: " + draft.seen.last_act->detail);
  draft.say("bootstrap failed");
  if (draft.instance().process != ProcessState::Stopped) {
    draft.plan(Stop{.mode = StopMode::Immediate});
  } else {
    draft.plan(
        SetAsideDataDirectory{.why = std::string(kBootstrapFailed) + draft.seen.last_act->detail,
                              .is_failed_bootstrap = true});
  }
  return true;
}

// Nothing of the attempt is left in the directory's place: either it was moved aside, or the
// attempt failed before it had made anything.
bool give_back_claim(Draft& draft) {
  const auto& act = draft.seen.last_act;
  if (!act) return false;
  std::string why;
  const auto* aside = std::get_if<SetAsideDataDirectory>(&act->step);
  if (aside != nullptr && aside->is_failed_bootstrap) {
    why = aside->why + "; " + act->detail;
  } else if (std::holds_alternative<Bootstrap>(act->step) && act->outcome != ActOutcome::Done) {
    why = std::string(kBootstrapFailed) + act->detail;
  } else {
    return false;
  }
  draft.say("bootstrap failed");
  if (is_bootstrapping(draft)) {
    draft.because("B4", "giving the initialize key back: " + why);
    draft.plan(GiveBackInitializeKey{.seen = draft.cluster().initialize->mod_revision});
  } else {
    draft.plan(Exit{
        .exit_code = 1,
        .message = why + ". Correct the cause named above and start the agent again",
    });
  }
  return true;
}

const Member* clone_source(const Draft& draft) {
  // Who may be elected for having all that was acknowledged must not come back with less: another
  // standby can be behind.
  if (is_synchronous(draft) && is_in_sync(draft, draft.me()))
    return draft.cluster().leader_member();
  for (const auto& [name, member] : draft.cluster().members) {
    if (member.tags.clonefrom && name != draft.me() && !draft.cluster().is_led_by(name) &&
        member.state == MemberState::Running && parse_conn_url(member.conn_url)) {
      return &member;
    }
  }
  return draft.cluster().leader_member();
}

void join(Draft& draft) {
  const auto& request = draft.seen.reinitialize_request;
  const bool is_from_leader = request && request->from_leader;
  const Member* source = is_from_leader ? draft.cluster().leader_member() : clone_source(draft);
  const auto address = source != nullptr ? parse_conn_url(source->conn_url) : std::nullopt;
  if (!address || source->state != MemberState::Running) {
    draft.say("waiting for the leader to run before copying from it");
    return;
  }
  if (!draft.act_may_be_tried()) {
    draft.say("waiting before the next attempt to copy from '" + source->name + "'");
    return;
  }
  draft.because("B3", "the data directory is empty: copying from '" + source->name + "'");
  draft.say("bootstrap from '" + source->name + "'");
  Upstream from{.name = source->name, .host = address->host, .port = address->port, .slot = {}};
  // Whom the copy will follow has its slot before it starts.
  if (const auto upstream = upstream_for(draft); upstream && upstream->name == from.name) {
    from.slot = upstream->slot;
  }
  draft.plan(CloneFrom{.source = std::move(from)});
}

// B11 nobody leads, and there is nobody to copy from; but the operator has named a command that
// needs nobody, for it restores a backup. It must not compete with the cluster's making. Whether
// what it makes may be elected is the election's to say. Authority: Patroni, no_leader.
void copy_without_leader(Draft& draft) {
  if (!draft.act_may_be_tried()) return;
  draft.because("B11", "nobody leads: making a copy by a command that needs nobody to copy from");
  draft.say("bootstrap (without leader)");
  draft.plan(CloneFrom{});
}

// B12 a cluster whose `/initialize` was deleted is still one: an empty node that made another under
// its name would leave the data of all the others without a leader (sim seed 70025600).
void make_or_wait(Draft& draft) {
  if (draft.cluster().initialize) {
    if (is_bootstrapping(draft)) {
      if (const auto remote = remote_primary(draft)) {
        if (!draft.act_may_be_tried()) return;
        draft.because("C4", "holding the initialize key: copying the remote primary");
        draft.say("trying to bootstrap a new standby leader");
        draft.plan(CloneFrom{.source = *remote});
        return;
      }
      draft.because("B2", "holding the initialize key: making a new cluster");
      draft.say("trying to bootstrap a new cluster");
      draft.plan(Bootstrap{});
    } else if (draft.seen.self.may_copy_without_leader && draft.cluster().initialize->is_valid()) {
      copy_without_leader(draft);
    } else {
      draft.say(draft.cluster().initialize->is_in_progress()
                    ? "waiting for another member to bootstrap the cluster"
                    : "waiting for a leader to copy from");
    }
    return;
  }
  if (!draft.seen.self.may_bootstrap || draft.seen.self.tags.nofailover) {
    draft.say("waiting for another member to bootstrap the cluster: this one may not");
    return;
  }
  if (const std::string trace = trace_of_cluster(draft); !trace.empty()) {
    const std::string why = "/initialize is missing, but " + trace + ": no new cluster is made";
    draft.because("B12", why);
    draft.say(why +
              "; a member that has the data writes it again when it leads. If there shall be a "
              "new one, remove this one from the store (ctl remove)");
    return;
  }
  // The claim ends with its lease, and one of another length (L2) would take the place of this one.
  const bool is_lasting = draft.has_lease() &&
                          draft.seen.session.asked_ttl == draft.seen.settings.ttl &&
                          draft.seen.under_way_as<GrantLease>(Lane::Lease) == nullptr;
  if (!is_lasting) return;
  draft.because("B1", "no cluster yet: racing for the initialize key");
  draft.plan(TakeInitializeKey{.lease = draft.seen.session.lease});
}

bool show_new_cluster(Draft& draft) {
  const bool is_standby_leader =
      draft.seen.settings.standby_cluster && draft.instance().is_running_standby();
  if (!draft.instance().is_running_primary() && !is_standby_leader) return false;
  finish_initialize(draft, "B2", "the new cluster runs: writing its keys");
  return true;
}

// A standby's data cannot tell whether the primary's is ahead of it, so that must come first. Only
// an operator knows that there is no other.
std::string how_a_standby_waits(const Draft& draft) {
  const InstanceView& instance = draft.instance();
  if (instance.has_recovery_signal) {
    std::string text =
        "waiting: PostgreSQL, which this agent has not started, recovers a backup "
        "(recovery.signal), and no cluster is in the store yet; it becomes the cluster when it "
        "has recovered, or when it is stopped";
    // Stopped and started by the agent it would go past the target.
    if (instance.replay_is_paused) {
      text +=
          ". Replay is paused: if the recovery target is reached, "
          "pg_wal_replay_resume() ends the recovery here";
    }
    return text;
  }
  return "waiting: this is a standby's data (standby.signal), and no cluster is in the store yet; "
         "start the agent of the primary first. If this node shall become the primary, stop its "
         "PostgreSQL and rename standby.signal to recovery.signal in the data directory";
}

// B5 data without a cluster in the store: take it as the new cluster, unless it is a standby's, for
// then the primary's data must come first (Patroni ha.py, release notes 1.4.4, 3.2.2). B10 a backup
// that was restored and not yet recovered is nobody's standby: it becomes the cluster, recovers
// from its archive and is promoted, like all data that is at rest when a cluster begins.
bool adopt_data(Draft& draft) {
  if (draft.cluster().initialize && draft.cluster().initialize->is_valid()) return false;
  // The answer to our own write comes before its echo in the picture.
  if (draft.cluster().revision < draft.seen.session.leader_revision) return true;
  if (is_bootstrapping(draft)) return false;
  if (draft.leadership() != Leadership::Nobodys || draft.cluster().initialize) return false;
  if (is_of_known_cluster(draft)) return false;
  const InstanceView& instance = draft.instance();
  const bool is_backup = instance.has_recovery_signal && instance.process == ProcessState::Stopped;
  if (!is_backup && (instance.has_standby_signal || instance.is_running_standby())) {
    draft.say(how_a_standby_waits(draft));
    return true;
  }
  if (!draft.has_lease() || draft.seen.self.tags.nofailover) return true;
  if (is_backup) {
    finish_initialize(draft, "B10",
                      "taking the restored backup (recovery.signal) as the cluster: it recovers "
                      "from its archive and is promoted");
  } else {
    finish_initialize(draft, "B5", "taking the existing data as the cluster");
  }
  return true;
}

// B9 the claim ended before the new cluster's keys could be written, and somebody else has it: what
// was made here was never shown to anybody, so it makes room (sim seed 532).
bool forget_own_cluster(Draft& draft) {
  if (!another_makes_the_cluster(draft) || draft.instance().process != ProcessState::Stopped) {
    return false;
  }
  draft.because("B9", "another member makes the cluster: moving aside what was made here");
  draft.say("making room for another member's cluster");
  draft.plan(SetAsideDataDirectory{.why = "another member made the cluster"});
  return true;
}

// B8 what an interrupted copy or rewind has left is no data any more: it is moved aside, nothing is
// deleted, and a fresh copy is made, as soon as there is somebody to copy from. Likewise what an
// interrupted initdb has left while there is no cluster at all (sim seed 10549).
bool replace_broken_data(Draft& draft) {
  const InstanceView& instance = draft.instance();
  const bool is_of_use = draft.leadership() == Leadership::Others || !draft.cluster().initialize;
  if (instance.data_directory != DataDirectory::Broken ||
      instance.process != ProcessState::Stopped || !is_of_use) {
    return false;
  }
  if (!draft.act_may_be_tried()) return false;
  draft.because("B8", "the data directory holds no cluster that can be started: moving it aside");
  draft.say("moving aside a broken data directory");
  draft.plan(SetAsideDataDirectory{.why = "it holds no cluster that can be started: " +
                                          instance.data_directory_problem});
  return true;
}

}  // namespace

// I1 data of another cluster must never serve or vote: refuse, and say both ids. I2 a leader writes
// lost keys again; only a leader does (Patroni release notes 1.4.4, 3.2.2).
bool check_identity(Draft& draft) {
  const InstanceView& instance = draft.instance();
  if (instance.data_directory != DataDirectory::Valid || !instance.control) return false;
  if (end_own_bootstrap(draft)) return true;
  const SystemId& mine = instance.control->system_id;
  const auto& initialize = draft.cluster().initialize;
  if (initialize && initialize->is_valid() && initialize->value != mine) {
    const std::string message = "system ID mismatch, node " + draft.me() +
                                " belongs to a different cluster: the store has " +
                                initialize->value + ", the data directory has " + mine +
                                ". Either this node is configured with the wrong scope or "
                                "data_dir, or the data must be moved "
                                "away by hand before the node can join";
    draft.because("I1", message);
    draft.plan(Exit{.exit_code = 1, .message = message});
    return true;
  }
  restore_lost_keys(draft);
  return adopt_data(draft);
}

// There is no cluster yet that could be at rest: what was begun is ended, whatever /config says.
bool end_own_bootstrap(Draft& draft) {
  const InstanceView& instance = draft.instance();
  if (instance.data_directory != DataDirectory::Valid || !instance.control) return false;
  if (clear_failed_bootstrap(draft) || forget_own_cluster(draft)) return true;
  const bool is_answered = draft.cluster().revision >= draft.seen.session.leader_revision;
  return is_answered && is_bootstrapping(draft) && show_new_cluster(draft);
}

void restore_lost_keys(Draft& draft) {
  if (!draft.seen.store.is_reachable || !draft.seen.store.cluster) return;
  if (!draft.may_lead() || !draft.instance().control) return;
  const auto& initialize = draft.cluster().initialize;
  RestoreKeys restore;
  if (!initialize || (initialize->is_in_progress() && !is_bootstrapping(draft))) {
    restore.initialize = draft.instance().control->system_id;
  }
  if (!draft.cluster().config) restore.config_json = draft.seen.self.bootstrap_config;
  const bool is_settled = draft.cluster().revision >= draft.seen.session.leader_revision;
  if (is_settled && (restore.initialize || restore.config_json)) {
    draft.because("I2", "keys of the cluster are missing in the store: writing them again");
    draft.plan(std::move(restore));
  }
}

bool fill_empty_directory(Draft& draft) {
  const InstanceView& instance = draft.instance();
  // The answer to our own claim comes before its echo in the picture.
  if (draft.cluster().revision < draft.seen.session.initialize_revision) return true;
  switch (instance.data_directory) {
    case DataDirectory::Valid:
    case DataDirectory::Unknown:
      return false;
    case DataDirectory::Inaccessible:
    case DataDirectory::Broken:
      if (clear_failed_bootstrap(draft)) return true;
      if (replace_broken_data(draft)) return true;
      draft.say("cannot use the data directory: " + instance.data_directory_problem);
      draft.because("B6", "cannot use the data directory: " + instance.data_directory_problem);
      break;
    case DataDirectory::Missing:
      if (give_back_claim(draft)) return true;
      break;
  }
  if (draft.leadership() == Leadership::Mine) {
    draft.because("B7", "the leader's data directory is not usable: releasing the leader key");
    draft.plan(draft.release_of_leader_key(draft.cluster().status));
    return true;
  }
  if (instance.data_directory != DataDirectory::Missing) return true;
  if (draft.leadership() == Leadership::Others) {
    join(draft);
  } else {
    make_or_wait(draft);
  }
  return true;
}

}  // namespace pgherd
