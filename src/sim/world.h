// World: a herd that does not exist: machines with the real agents on them, a network, a store,
// clients and a referee, on invented time. The same seed and the same calls give the same history.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "sim/clients.h"
#include "sim/host.h"
#include "sim/referee.h"

namespace pgherd::sim {

class World {
 public:
  // `drifts_ppm[i]`: how much node i's clock gains; missing ones are exact.
  World(std::uint64_t seed, const std::vector<NodeName>& names, HerdPlan plan,
        const std::vector<std::int64_t>& drifts_ppm = {});
  ~World();
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  // A cluster that was there before: the first node's data, copied to all, everything stopped.
  void form_cluster();
  // The primary of another cluster, that nobody here manages: on the same data as this one
  // if that has any yet.
  SimServer& add_remote(const NodeName& name);
  void start_all_agents();
  // Told of every change of `/leader`; may be empty.
  std::function<void()> on_leader_change;

  // Runs until true time `until`, or until the referee objects. False: it has objected.
  bool run_until(Instant until);

  // ---- Its parts
  [[nodiscard]] SimContext& sim() { return sim_; }
  [[nodiscard]] Store& store() { return store_; }
  [[nodiscard]] Referee& referee() { return referee_; }
  [[nodiscard]] Clients& clients() { return clients_; }
  [[nodiscard]] const HerdPlan& plan() const { return plan_; }
  // The longest ttl that was in force since the beginning of the last storm.
  [[nodiscard]] Milliseconds longest_ttl() const { return longest_ttl_; }
  void forget_longest_ttl() { longest_ttl_ = settings_.ttl; }
  [[nodiscard]] std::vector<std::unique_ptr<Host>>& hosts() { return hosts_; }
  [[nodiscard]] Host* host(const NodeName& name);
  [[nodiscard]] Instant now() const { return sim_.queue.now(); }
  [[nodiscard]] std::string key(const std::string& leaf) const { return prefix_ + leaf; }
  // An operator's `ctl pause` and `ctl resume`.
  void set_pause(bool is_on);
  // What an operator has asked for and is not done yet, in words; nothing: no more is to come.
  [[nodiscard]] std::optional<std::string> unfinished();
  // A copy or a rewind takes as long as the disks take.
  [[nodiscard]] bool is_copying();
  // Somebody makes the cluster, with initdb.
  [[nodiscard]] bool is_bootstrapping();
  // An operator's `ctl edit-config`: a merge patch (RFC 7396) of what `/config` says.
  void patch_config(const std::string& patch);
  // Everything that a run leaves behind, as one number: equal for equal runs.
  [[nodiscard]] std::uint64_t digest();

 private:
  [[nodiscard]] SimServer::Directory first_data();
  void watch_store();
  void write_remotely();
  void note_request(const std::string& json);
  void note_config(const std::string& json);
  void leader_key_is(const NodeName& name);

  HerdPlan plan_;
  Settings settings_;  // in force
  Milliseconds longest_ttl_{};
  std::string prefix_;
  SimContext sim_;
  Store store_;
  Servers servers_;
  std::vector<std::unique_ptr<Host>> hosts_;
  std::vector<const SimServer*> server_list_;
  std::unique_ptr<SimServer> remote_;
  Clients clients_;
  Referee referee_;
};

}  // namespace pgherd::sim
