#include "sim/scenario.h"

#include <array>
#include <cstdio>
#include <fstream>
#include <functional>
#include <memory>
#include <optional>
#include <sstream>
#include <stdexcept>
#include <utility>

#include "codec/dcs_values.h"
#include "codec/tags.h"
#include "sim/acts.h"
#include "sim/world.h"

namespace pgherd::sim {
namespace {

constexpr const char* kDashes = "----\n";

Range always(Duration time) {
  return {.low = time, .high = time};
}

Pace fixed_pace() {
  Pace pace;
  pace.observe = always(2ms);
  pace.small_act = always(20ms);
  pace.unanswered = always(20ms);
  pace.reload = always(30ms);
  pace.checkpoint = always(200ms);
  pace.start_clean = always(300ms);
  pace.crash_recovery = always(800ms);
  pace.promote = always(300ms);
  pace.end_backends = always(20ms);
  pace.shutdown = always(300ms);
  pace.immediate = always(50ms);
  pace.archive_at_shutdown = always(50ms);
  pace.bootstrap = always(2s);
  pace.clone = always(2s);
  pace.rewind = always(1s);
  pace.remove = always(100ms);
  pace.reconnect = always(500ms);
  pace.receiver_timeout = always(5s);
  pace.automatic_checkpoint = always(30s);
  pace.router_lag = always(50ms);
  pace.write_every = always(200ms);
  return pace;
}

class Player {
 public:
  explicit Player(std::string path) : path_(std::move(path)) {}

  void play(const std::string& commands);
  [[nodiscard]] std::string log() const { return log_; }
  [[nodiscard]] std::vector<std::string> failures() const { return failures_; }
  [[nodiscard]] std::vector<std::string> rules() const {
    std::vector<std::string> told;
    if (!world_) return told;
    for (const auto& [rule, count] : world_->sim().rules)
      told.push_back(rule);
    return told;
  }

 private:
  [[noreturn]] void refuse(const std::string& why) const {
    throw std::runtime_error(path_ + ":" + std::to_string(line_number_) + ": " + why + ": '" +
                             line_ + "'");
  }
  void obey(const Words& words);
  void make(const Words& names, bool is_formed);
  void run_until(Instant when);
  void act(const Words& words);
  void cut(const std::string& from, const std::string& to);
  void request(const Words& words);
  void route(const Words& words);
  void expect(const Words& words);
  [[nodiscard]] std::function<bool()> condition(const Words& words);
  [[nodiscard]] Duration time(const std::string& word) const;
  [[nodiscard]] Host& host(const NodeName& name);
  [[nodiscard]] Place place(const std::string& word);
  [[nodiscard]] World& world() {
    if (!world_) refuse("there is no cluster yet");
    return *world_;
  }
  void note(const std::string& text) { log_ += text + "\n"; }

  std::string path_;
  std::string line_;
  int line_number_ = 0;
  HerdPlan plan_{
      "{\"ttl\":10,\"loop_wait\":2,\"retry_timeout\":3,\"postgresql\":{\"use_pg_rewind\":true}}"};
  std::unique_ptr<World> world_;
  const SimServer* remote_ = nullptr;
  std::string log_;
  std::vector<std::string> failures_;
};

Words split(const std::string& line) {
  std::istringstream stream(line);
  Words words;
  for (std::string word; stream >> word;)
    words.push_back(word);
  return words;
}

std::string join(const Words& words, std::size_t first, std::size_t last) {
  std::string text;
  for (auto i = first; i < last; ++i)
    text += (text.empty() ? "" : " ") + words[i];
  return text;
}

void Player::play(const std::string& commands) {
  std::istringstream lines(commands);
  while (std::getline(lines, line_)) {
    ++line_number_;
    const auto words = split(line_);
    if (words.empty() || words[0][0] == '#') continue;
    obey(words);
    if (!failures_.empty()) return;
  }
}

void Player::obey(const Words& words) {
  const auto& verb = words[0];
  if (verb == "config" && words.size() >= 2) {
    plan_ = HerdPlan(join(words, 1, words.size()));
  } else if (verb == "watchdog" && words.size() == 2) {
    plan_.watchdog = words[1] == "required" ? WatchdogMode::Required : WatchdogMode::Automatic;
  } else if (verb == "tags" && words.size() >= 3) {
    Host& tagged = host(words[1]);
    tagged.tags = decode_tags(join(words, 2, words.size()));
    tagged.server().may_not_lead = tagged.tags.nofailover;
  } else if (verb == "cluster") {
    make({words.begin() + 1, words.end()}, true);
  } else if (verb == "remote" && words.size() == 2) {
    remote_ = &world().add_remote(words[1]);
  } else if (verb == "new" && words.size() > 2 && words[1] == "cluster") {
    make({words.begin() + 2, words.end()}, false);
  } else if (verb == "start" && words.size() == 1) {
    world().start_all_agents();
    world().clients().start(1);
  } else if (verb == "until" && words.size() == 2) {
    run_until(Instant{} + time(words[1]));
  } else if (verb == "at" && words.size() > 2) {
    run_until(Instant{} + time(words[1]));
    note("== " + line_);
    act({words.begin() + 2, words.end()});
  } else if (verb == "expect") {
    expect(words);
  } else {
    refuse("this command is not known");
  }
}

void Player::make(const Words& names, bool is_formed) {
  if (names.empty()) refuse("a cluster needs members");
  world_ = std::make_unique<World>(1, names, plan_);
  world_->sim().pace = fixed_pace();
  world_->sim().network.set_delay(1ms, 1ms);
  world_->sim().story.listen([this](Instant when, const NodeName& who, const std::string& text) {
    std::array<char, 64> head{};
    std::snprintf(head.data(), head.size(), "%6.1f %-8s ",
                  std::chrono::duration<double>(when - Instant{}).count(), who.c_str());
    note(head.data() + text);
  });
  if (is_formed) world_->form_cluster();
}

void Player::run_until(Instant when) {
  if (!world().run_until(when))
    failures_.push_back("the referee saw " + *world().referee().violation());
}

Duration Player::time(const std::string& word) const {
  std::size_t used = 0;
  double number = 0;
  try {
    number = std::stod(word, &used);
  } catch (const std::exception&) {
    refuse("'" + word + "' is no time such as 10s or 250ms");
  }
  const auto unit = word.substr(used);
  if (unit == "s")
    return std::chrono::duration_cast<Duration>(std::chrono::duration<double>(number));
  if (unit == "ms") {
    return std::chrono::duration_cast<Duration>(std::chrono::duration<double, std::milli>(number));
  }
  refuse("'" + word + "' is no time such as 10s or 250ms");
}

Host& Player::host(const NodeName& name) {
  Host* found = world().host(name);
  if (found == nullptr) refuse("there is no member '" + name + "'");
  return *found;
}

Place Player::place(const std::string& word) {
  const auto& network = world().sim().network;
  if (word == "store") return network.store();
  if (word == "clients") return network.clients();
  return host(word).place();
}

// ---- Acts

void Player::act(const Words& words) {
  const auto size = words.size();
  const auto whole = join(words, 0, size);
  auto& store = world().store();
  if (act_on_world(whole, world())) return;
  if (size >= 2 && (words[0] == "config" || words[0] == "configure")) {
    store.put(world().key("config"), join(words, 1, size));
  } else if (size >= 2 && words[0] == "edit") {
    world().patch_config(join(words, 1, size));
  } else if (size == 2 && words[0] == "delete") {
    store.remove(world().key(words[1]));
  } else if (size >= 2 && words[0] == "router") {
    route(words);
  } else if (size == 4 && words[0] == "cut" && words[2] == "from") {
    cut(words[1], words[3]);
  } else if (size == 4 && words[0] == "cut" && words[2] == "to") {
    world().sim().network.cut(place(words[1]), place(words[3]));
  } else if (size >= 3 && words[size - 2] == "takes") {
    if (!set_pace(join(words, 0, size - 2), time(words.back()), world().sim().pace))
      refuse("it is not known how long this takes");
  } else if (words[0] == "switchover" || words[0] == "failover") {
    request(words);
  } else if (!act_on_node(join(words, 0, size - 1), host(words.back()))) {
    refuse("this act is not known");
  }
}

void Player::cut(const std::string& from, const std::string& to) {
  auto& network = world().sim().network;
  const auto here = place(from);
  if (to != "all") {
    network.cut_both(here, place(to));
    return;
  }
  for (Place there = 0; there <= network.clients(); ++there) {
    if (there != here) network.cut_both(here, there);
  }
}

// switchover from N [to M] [due TIME] | failover to M
void Player::request(const Words& words) {
  std::string json;
  for (std::size_t i = 1; i + 1 < words.size(); i += 2) {
    const char* field = words[i] == "from"  ? "leader"
                        : words[i] == "to"  ? "member"
                        : words[i] == "due" ? "scheduled_at"
                                            : nullptr;
    if (field == nullptr) refuse("a request says 'from', 'to' and 'due'");
    json += std::string(json.empty() ? "{\"" : ",\"") + field + "\":\"" + words[i + 1] + "\"";
  }
  if (json.empty()) refuse("a request needs 'from' or 'to'");
  world().store().put(world().key("failover"), json + "}");
}

// router R: its sessions follow; router R is at rest: for what is announced now.
void Player::route(const Words& words) {
  auto& store = world().store();
  const bool is_at_rest = join(words, 2, words.size()) == "is at rest";
  if (!is_at_rest && words.size() != 2) refuse("a router is there, or 'is at rest'");
  const bool is_stopping = !store.value(world().key("stopping")).empty();
  const Snapshot requests = store.memory().read(world().key(is_stopping ? "stopping" : "failover"));
  const bool is_asked = is_at_rest && !requests.entries.empty();
  store.put(world().key("routers/" + words[1]),
            encode_router(is_asked ? requests.entries.front().mod_revision : Revision{}));
}

// ---- Expectations

std::function<bool()> Player::condition(const Words& words) {
  auto& judge = world().referee();
  const auto whole = join(words, 0, words.size());
  if (whole == "rest") return [&judge] { return !judge.unsettled(); };
  if (whole == "nobody leads") return [&judge] { return judge.leader().empty(); };
  if (whole == "no primary") return [&judge] { return judge.primary() == nullptr; };
  if (words.size() == 2 && words[0] == "leader") {
    return [&judge, name = words[1]] { return judge.leader() == name; };
  }
  if (words.size() == 2 && words[1] == "streams") {
    const SimServer& server = host(words[0]).server();
    return [&judge, &server] {
      return judge.primary() != nullptr && server.is_streaming_from(*judge.primary());
    };
  }
  if (words.size() == 3 && words[1] == "follows") {
    const SimServer& server = host(words[0]).server();
    const bool is_remote = remote_ != nullptr && words[2] == remote_->name();
    const SimServer& upstream = is_remote ? *remote_ : host(words[2]).server();
    return [&server, &upstream] { return server.is_streaming_from(upstream); };
  }
  if (words.size() == 3 && words[1] == "is" && words[2] == "down") {
    const SimServer& server = host(words[0]).server();
    return [&server] { return server.process() == ProcessState::Stopped; };
  }
  if (words.size() == 5 && words[0] == "primary" && words[2] == "on" && words[3] == "timeline") {
    const SimServer& server = host(words[1]).server();
    const Timeline timeline{static_cast<std::uint32_t>(std::stoul(words[4]))};
    return [&server, timeline] {
      return server.can_acknowledge() && server.directory().wal.timeline() == timeline;
    };
  }
  refuse("this expectation is not known");
}

void Player::expect(const Words& words) {
  if (words.size() < 4 || words[words.size() - 2] != "within")
    refuse("an expectation ends in 'within <time>'");
  const auto what = join(words, 1, words.size() - 2);
  const auto is_met = condition({words.begin() + 1, words.end() - 2});
  const auto began = world().now();
  const auto limit = began + time(words.back());
  while (!is_met()) {
    if (world().now() >= limit) {
      failures_.push_back(path_ + ":" + std::to_string(line_number_) + ": not met: " + line_);
      note("== not met: " + what);
      return;
    }
    run_until(std::min(limit, world().now() + 10ms));
    if (!failures_.empty()) return;
  }
  std::array<char, 48> after{};
  std::snprintf(after.data(), after.size(), " after %.1f s",
                std::chrono::duration<double>(world().now() - began).count());
  note("== " + what + after.data());
}

}  // namespace

ScenarioResult play_scenario(const std::string& path) {
  std::ifstream file(path);
  if (!file) throw std::runtime_error("cannot read the scenario " + path);
  const std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  ScenarioResult result;
  const auto dashes = text.starts_with(kDashes) ? 0 : text.find(std::string("\n") + kDashes);
  if (dashes == std::string::npos) {
    result.commands = text;
  } else {
    result.commands = text.substr(0, dashes + 1);
    result.expected = text.substr(dashes + 1 + std::string(kDashes).size());
  }
  Player player(path);
  player.play(result.commands);
  result.log = player.log();
  result.failures = player.failures();
  result.rules = player.rules();
  return result;
}

void rewrite_scenario(const std::string& path, const ScenarioResult& result) {
  std::ofstream file(path, std::ios::trunc);
  file << result.commands << kDashes << result.log;
  if (!file.flush()) throw std::runtime_error("cannot write the scenario " + path);
}

}  // namespace pgherd::sim
