#include "sim/world.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "codec/dcs_values.h"
#include "codec/dynamic_config.h"

namespace pgherd::sim {

World::World(std::uint64_t seed, const std::vector<NodeName>& names, HerdPlan plan,
             const std::vector<std::int64_t>& drifts_ppm)
    : plan_(std::move(plan)),
      settings_(plan_.settings),
      longest_ttl_(plan_.settings.ttl),
      prefix_("/service/" + plan_.scope + "/"),
      sim_(seed, static_cast<int>(names.size())),
      store_(sim_),
      clients_(sim_, servers_),
      referee_(sim_, store_, server_list_, prefix_, plan_.settings) {
  const auto read_values = std::make_shared<ReadValues>();
  for (std::size_t i = 0; i < names.size(); ++i) {
    const auto drift = i < drifts_ppm.size() ? drifts_ppm[i] : 0;
    auto host = std::make_unique<Host>(sim_, store_, servers_, plan_, static_cast<Place>(i),
                                       names[i], drift);
    servers_[names[i]] = &host->server();
    server_list_.push_back(&host->server());
    host->server().witness = &referee_;
    host->witness = &referee_;
    host->on_step_started = [this, &name = host->name()](const Step& step) {
      referee_.step_started(name, step);
    };
    host->on_woken = [this, &name = host->name()] { referee_.woken(name); };
    host->on_staying = [this, &name = host->name()] { referee_.stayed(name, Host::kLeavesWithin); };
    host->on_overlooked = [this, &name = host->name()](const std::string& what) {
      referee_.overlooked(name, what);
    };
    host->read_values = read_values;
    host->guardian().on_fence = [this](const SimServer& server, Instant armed_at) {
      referee_.fenced(server, armed_at);
    };
    host->find_peer = [this](const NodeName& name) -> std::optional<Place> {
      const auto found = servers_.find(name);
      if (found == servers_.end()) return std::nullopt;
      return found->second->place();
    };
    host->ask_peer = [this](Place at) {
      return hosts_[static_cast<std::size_t>(at)]->answer_peer();
    };
    host->ask_failsafe = [this](Place at, const FailsafePing& ping) {
      Host& asked = *hosts_[static_cast<std::size_t>(at)];
      const auto is_accepted = asked.answer_failsafe(ping);
      if (is_accepted.value_or(false)) {
        referee_.accepted_without_store(ping.name, asked.name(), ping.ttl);
      }
      return is_accepted;
    };
    hosts_.push_back(std::move(host));
  }
  clients_.on_acknowledged = [this](const Clients::Acknowledged& write) {
    referee_.synchronous().acknowledged(write);
  };
  referee_.health_referee().agent_well_since = [this](Place place) {
    return hosts_[static_cast<std::size_t>(place)]->well_since();
  };
  referee_.health_referee().watchdog_refused_at = [this](Place place) {
    const bool is_required = plan_.watchdog == WatchdogMode::Required;
    return is_required ? hosts_[static_cast<std::size_t>(place)]->watchdog().refused_at()
                       : Instant::never();
  };
  referee_.can_hear = [this](const SimServer& server) {
    const Host& host = *hosts_[static_cast<std::size_t>(server.place())];
    return host.has_agent() && !host.is_frozen() && store_.is_up() &&
           sim_.network.is_open_both(server.place(), sim_.network.store());
  };
  referee_.lacks_watchdog = [this](const SimServer& server) {
    return plan_.watchdog == WatchdogMode::Required &&
           !hosts_[static_cast<std::size_t>(server.place())]->has_armed_watchdog();
  };
  watch_store();
}

World::~World() = default;

void World::watch_store() {
  (void)store_.memory().watch(prefix_, Revision{}, [this](const WatchBatch& batch) {
    for (const auto& event : batch.events) {
      const auto leaf = event.entry.key.substr(prefix_.size());
      referee_.object(referee_.health_referee().written(event, store_.writer, referee_.leader()));
      if (leaf == "failover") note_request(event.entry.value);
      const std::string text = event.is_deletion ? std::string() : event.entry.value;
      if (leaf == "failover") referee_.synchronous().request_is(text);
      if (leaf == "sync") referee_.synchronous().sync_is(text);
      if (leaf == "config") referee_.synchronous().config_is(text);
      if (leaf == "config" && !event.is_deletion) note_config(event.entry.value);
      const bool is_operators_deletion = event.is_deletion && store_.is_operators_turn;
      if (leaf == "leader" && is_operators_deletion) referee_.leader_key_deleted_by_hand();
      if (leaf == "leader") leader_key_is(event.is_deletion ? NodeName() : event.entry.value);
      const bool is_frequent = leaf == "status" || leaf.starts_with("members/");
      if (is_frequent || leaf == "leader") continue;
      sim_.tell("store", [&] {
        return "/" + leaf + (event.is_deletion ? " is gone" : " is '" + event.entry.value + "'");
      });
    }
  });
}

void World::set_pause(bool is_on) {
  patch_config(is_on ? R"({"pause":true})" : R"({"pause":null})");
}

void World::patch_config(const std::string& patch) {
  const auto present = store_.value(key("config"));
  const auto json = merge_patch(present.empty() ? plan_.config_json : present, patch);
  PGHERD_CHECK(json, "an operator would write what cannot be read");
  sim_.tell("operator", [&] { return "writes /config " + *json; });
  store_.put(key("config"), *json);
}

void World::note_request(const std::string& json) {
  referee_.health_referee().request_is(json);
  for (const auto& host : hosts_) {
    if (json.find("\"member\":\"" + host->name() + "\"") != std::string::npos) {
      referee_.asked_for(host->name());
    }
  }
}

void World::note_config(const std::string& json) {
  const auto read = decode_settings(json);
  if (!read) return;
  settings_ = *read;
  longest_ttl_ = std::max(longest_ttl_, settings_.ttl);
  referee_.health_referee().settings_are(settings_);
  referee_.pause_is(settings_.paused);
  referee_.failsafe_is(settings_.failsafe_mode);
}

std::optional<std::string> World::unfinished() {
  for (auto& host : hosts_) {
    Node* node = host->node();
    if (node == nullptr) return host->name() + " has no agent";
    const Observation& seen = node->agent().picture();
    if (seen.is_leaving) return host->name() + " is leaving";
    if (seen.under_way_as<Demote>(Lane::Instance) != nullptr ||
        seen.under_way_as<Restart>(Lane::Instance) != nullptr) {
      return host->name() + " is stopping PostgreSQL";
    }
  }
  const auto request = store_.value(prefix_ + "failover");
  if (request.size() > 2) return "/failover is still " + request;
  return std::nullopt;
}

bool World::is_bootstrapping() {
  return std::any_of(hosts_.begin(), hosts_.end(), [](const auto& host) {
    return host->node() != nullptr &&
           host->node()->agent().picture().template under_way_as<Bootstrap>(Lane::Instance) !=
               nullptr;
  });
}

bool World::is_copying() {
  return std::any_of(hosts_.begin(), hosts_.end(), [](const auto& host) {
    if (host->node() == nullptr) return false;
    const Observation& seen = host->node()->agent().picture();
    return seen.template under_way_as<CloneFrom>(Lane::Instance) != nullptr ||
           seen.template under_way_as<Rewind>(Lane::Instance) != nullptr;
  });
}

void World::leader_key_is(const NodeName& name) {
  if (name == referee_.leader()) return;
  sim_.tell("store", [&] { return "/leader names " + (name.empty() ? "nobody" : name); });
  referee_.leader_is(name);
  clients_.leader_is(name);
  if (on_leader_change) on_leader_change();
  const auto found = servers_.find(name);
  if (found != servers_.end()) found->second->is_bootstrapping = false;
}

// As initdb leaves it.
SimServer::Directory World::first_data() {
  SimServer::Directory made;
  made.state = DataDirectory::Valid;
  made.system_id = "7000000000000000001";
  made.control = ControlState::ShutDown;
  made.control_timeline = made.newest_timeline = Timeline{1};
  made.wal.append({.id = sim_.next_id++, .timeline = Timeline{1}, .end = Lsn{0x1000000}});
  return made;
}

void World::form_cluster() {
  auto made = first_data();
  for (auto& host : hosts_) {
    host->server().directory() = made;
    made.control = ControlState::ShutDownInRecovery;
    made.has_standby_signal = true;
  }
  store_.put(key("initialize"), made.system_id);
  store_.put(key("config"), plan_.config_json);
}

SimServer& World::add_remote(const NodeName& name) {
  remote_ = std::make_unique<SimServer>(sim_, servers_, sim_.network.clients(), name);
  servers_[name] = remote_.get();
  const bool has_data = hosts_.front()->server().directory().state == DataDirectory::Valid;
  remote_->directory() = has_data ? hosts_.front()->server().directory() : first_data();
  remote_->directory().has_standby_signal = false;
  remote_->directory().control = ControlState::ShutDown;
  remote_->boot(false, [](bool) {});
  write_remotely();
  return *remote_;
}

void World::write_remotely() {
  sim_.queue.in(500ms, [this] {
    static_cast<void>(remote_->write());
    write_remotely();
  });
}

void World::start_all_agents() {
  for (auto& host : hosts_) {
    host->start_agent();
  }
}

bool World::run_until(Instant until) {
  while (!referee_.violation() && sim_.queue.run_next(until)) {
    referee_.look();
  }
  return !referee_.violation();
}

Host* World::host(const NodeName& name) {
  for (auto& host : hosts_) {
    if (host->name() == name) return host.get();
  }
  return nullptr;
}

std::uint64_t World::digest() {
  auto& queue = sim_.queue;
  for (const auto c : store_.memory().dump()) {
    queue.mix(static_cast<std::uint64_t>(c));
  }
  for (const auto* server : server_list_) {
    queue.mix(server->directory().wal.end().bytes);
    queue.mix(server->directory().wal.size());
  }
  queue.mix(clients_.acknowledged().size());
  queue.mix(sim_.next_id);
  return queue.digest();
}

}  // namespace pgherd::sim
