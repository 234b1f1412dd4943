#include "daemon/daemon.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/thread_pool.hpp>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <set>

#include "codec/config.h"
#include "codec/config_reload.h"
#include "codec/dcs_values.h"
#include "codec/postgres_settings.h"
#include "codec/tags.h"
#include "daemon/archive_backlog.h"
#include "daemon/certificate_watch.h"
#include "daemon/dynamic_cache.h"
#include "daemon/host_resources.h"
#include "daemon/lease_tally.h"
#include "daemon/name_guard.h"
#include "daemon/node_api.h"
#include "dcs/etcd/etcd_dcs.h"
#include "guardian/guardian_fence.h"
#include "node/node.h"
#include "postgres/local/config_files.h"
#include "postgres/local/local_instance.h"
#include "rest/http_peers.h"
#include "rest/server.h"
#include "runtime/asio_clock.h"
#include "runtime/environment.h"
#include "runtime/log.h"
#include "runtime/memory.h"
#include "runtime/service_manager.h"
#include "watchdog/device/device_watchdog.h"

namespace pgherd {
namespace {

// Peers derive abilities from it (Patroni dcs/__init__.py, Member), so it names the Patroni whose
// behaviour is matched.
constexpr const char* kMatchedVersion = "4.1.4";

// By then every part has done its work a few times; what was used only before can go.
constexpr Duration kStartIsOverAfter = 10s;
constexpr int kLogIsStuck = 5;  // exit status
constexpr Duration kArchiveIsLookedAt = 10s;

std::string member_url(const AgentConfig& config, const std::string& address) {
  return address.empty() ? std::string{}
                         : "postgres://" + address + "/" + config.postgresql.database;
}

std::string api_url(const RestConfig& rest) {
  std::string address = rest.connect_address;
  if (address.empty()) address = rest.listen.host + ":" + std::to_string(rest.listen.port);
  return (rest.certfile.empty() ? "http://" : "https://") + address + "/patroni";
}

std::optional<Credentials> peer_credentials(const AgentConfig& config) {
  return config.ctl.authentication ? config.ctl.authentication : config.restapi.authentication;
}

ClientSecurity peer_security(const AgentConfig& config) {
  ClientSecurity security = client_security(config.ctl, config.restapi);
  security.is_insecure = true;  // members never verify each other's names
  return security;
}

class Daemon {
 public:
  // `environment`: as it was at the start, for a reload.
  Daemon(std::string path, std::map<std::string, std::string> environment, LoadedConfig loaded);
  int run();

 private:
  void ask_for_twin();
  void make_doors();
  void begin();
  void build_node();
  void reload();
  void take_local_configuration();
  void watch_certificates();
  void hear_signals();
  void note_decision(const Tell& decision);
  void tell_summary(const std::string& summary);
  void keep_heartbeat();
  void watch_archive();
  void note_clashing_names();
  void take_dynamic(const std::string& json);
  void apply_postgres_config(bool is_asked_for);
  [[nodiscard]] Identity identity() const;
  [[nodiscard]] Settings last_known_settings() const;
  [[nodiscard]] std::string metrics() const;
  void end(const Exit& exit);

  std::string path_;
  std::map<std::string, std::string> environment_;
  LoadedConfig loaded_;
  std::string dynamic_json_;
  PostgresConfig in_force_;
  std::uint64_t generation_ = 1;

  boost::asio::io_context io_{1};
  boost::asio::thread_pool disk_{1};
  boost::asio::signal_set signals_{io_};
  AsioClock clock_{io_.get_executor()};
  CertificateWatch certificates_{io_.get_executor(), disk_, clock_};
  ServerCertificates server_certificates_;
  ServiceManager service_manager_;
  Layout layout_;
  EtcdDcs dcs_;
  // Made while the store's first answer is under way: loading what TLS needs takes about as long.
  std::optional<HttpClient> http_;
  std::optional<HttpPeers> peers_;
  std::optional<GuardianFence> fence_;
  std::optional<LocalInstance> instance_;
  std::optional<DeviceWatchdog> watchdog_;
  std::unique_ptr<NameGuard> name_guard_;
  std::unique_ptr<Node> node_;
  std::unique_ptr<NodeApi> node_api_;
  std::unique_ptr<RestServer> rest_;
  std::unique_ptr<Alarm> guardian_begins_;
  std::unique_ptr<Alarm> start_is_over_;

  std::string last_summary_;
  Instant heartbeat_of_;  // wake_at of the decision that was last repeated
  std::unique_ptr<Alarm> heartbeat_;
  ArchiveBacklog archive_;
  std::unique_ptr<Alarm> archive_look_;
  std::set<std::string> last_told_;
  std::set<std::string> clashes_told_;
  std::map<std::string, std::uint64_t> fired_;
  std::map<std::string, std::uint64_t> started_;  // steps, by their kind
  LeaseTally renewals_;
  int exit_code_ = 0;
};

Daemon::Daemon(std::string path, std::map<std::string, std::string> environment,
               LoadedConfig loaded)
    : path_(std::move(path)),
      environment_(std::move(environment)),
      loaded_(std::move(loaded)),
      dynamic_json_(
          read_dynamic_cache(loaded_.config.postgresql.data_dir)
              .value_or(loaded_.config.bootstrap ? loaded_.config.bootstrap->dcs_json : "{}")),
      in_force_(merge_dynamic(loaded_.config.postgresql, dynamic_json_)),
      layout_(loaded_.config.name_space, loaded_.config.scope, loaded_.config.name),
      dcs_(loaded_.config.etcd, io_.get_executor(), clock_,
           EtcdHints{.tell = [](const std::string& line) {
             log_line(LogLevel::Info, line, {},
                      LogPlace{.file = "src/dcs/etcd.cc", .function = "tell", .line = 0});
           }}) {}

void Daemon::make_doors() {
  const auto loop = io_.get_executor();
  const AgentConfig& config = loaded_.config;
  GuardianFenceOptions guardian;
  guardian.data_dir = config.postgresql.data_dir;
  guardian.on_connected = [] { log_debug("the guardian is there"); };
  guardian.on_trouble = [](const std::string& problem) {
    log_error("no guardian: {}; until there is one, a hanging agent cannot be replaced safely",
              problem);
  };
  fence_.emplace(loop, std::move(guardian));
  http_.emplace(loop, peer_security(config));
  peers_.emplace(loop, clock_, config.scope, peer_security(config), peer_credentials(config));
  LocalOptions local;
  local.launch = [this](ServerProcess process, std::function<void(Launched)> done) {
    fence_->launch(std::move(process), std::move(done));
  };
  local.on_certificates = [this](ServerCertificates files) {
    server_certificates_ = std::move(files);
    watch_certificates();
  };
  watch_certificates();
  instance_.emplace(loop, config.scope, config.name, in_force_, config.bootstrap, std::move(local));
  watchdog_.emplace(loop, config.watchdog.device, config.watchdog.driver);
}

Identity Daemon::identity() const {
  const AgentConfig& config = loaded_.config;
  Identity self;
  self.name = config.name;
  self.tags = config.tags;
  self.released_tags = released_from_sync(config.tags);
  self.conn_url = member_url(config, config.postgresql.connect_address);
  self.proxy_url = member_url(config, config.postgresql.proxy_address);
  self.api_url = api_url(config.restapi);
  self.version = kMatchedVersion;
  self.may_bootstrap = config.bootstrap.has_value();
  self.bootstraps_by_command = config.bootstrap && config.bootstrap->method;
  self.may_copy_without_leader = can_copy_without_leader(in_force_);
  self.bootstrap_config = dynamic_json_;
  self.overrides = loaded_.overrides;
  self.configuration = std::to_string(generation_);
  self.watchdog_mode = config.watchdog.mode;
  self.watchdog_margin = config.watchdog.safety_margin;
  return self;
}

// What was last in force: an agent that begins in maintenance mode while the store is silent must
// know of it.
Settings Daemon::last_known_settings() const {
  const auto settings = decode_settings(dynamic_json_);
  return settings ? *settings : loaded_.initial_settings;
}

int Daemon::run() {
  hear_signals();
  ask_for_twin();
  make_doors();
  io_.run();
  rest_.reset();
  node_.reset();
  disk_.join();
  // The thread that writes hangs: nothing is waited for any more (Patroni ends with 5 as well).
  if (!flush_log()) _exit(kLogIsStuck);
  return exit_code_;
}

void Daemon::ask_for_twin() {
  name_guard_ = std::make_unique<NameGuard>(
      NameGuard::Parts{.clock = clock_,
                       .dcs = dcs_,
                       .layout = layout_,
                       .http = [this]() -> const HttpClient& { return *http_; },
                       .self = loaded_.config.name});
  name_guard_->check(
      [this](const std::string& objection) {
        if (objection.empty()) return begin();
        end(Exit{.exit_code = 1, .message = objection});
      },
      [](const std::string& line) { log_error("{}", line); });
}

void Daemon::begin() {
  build_node();
  node_api_ = std::make_unique<NodeApi>(NodeApi::Parts{
      .node = *node_,
      .dcs = dcs_,
      .instance = *instance_,
      .clock = clock_,
      .layout = layout_,
      .scope = loaded_.config.scope,
      .reload = [this] { reload(); },
      .metrics = [this] { return metrics(); },
  });
  try {
    rest_ = std::make_unique<RestServer>(io_.get_executor(), loaded_.config.restapi, *node_api_,
                                         *peers_);
  } catch (const std::exception& problem) {
    return end(Exit{.exit_code = 1, .message = problem.what()});
  }
  const LeaseMargins margins = lease_margins(loaded_.initial_settings);
  log_info("{} of cluster {} begins; REST API on port {}", loaded_.config.name,
           loaded_.config.scope, rest_->port());
  log_debug("a leader renews every {} ms", margins.renew_every / 1ms);
  node_->start();
  keep_heartbeat();
  watch_archive();
  service_manager_.tell_ready();
  // Starting a guardian takes milliseconds, which whoever asks for our health need not wait. It has
  // nothing to do before the node gives it an order, and the order waits for it.
  guardian_begins_ = clock_.at(clock_.now(), [this] { fence_->start(); });
  start_is_over_ = clock_.at(clock_.now() + kStartIsOverAfter, [] { give_back_start_memory(); });
}

void Daemon::build_node() {
  NodeListener listener;
  listener.on_decision = [this](const Tell& decision) { note_decision(decision); };
  listener.on_rule = [this](std::string_view rule) { ++fired_[std::string(rule)]; };
  listener.on_start = [this](const Step& step) {
    ++started_[std::string(name_of(step))];
    if (std::holds_alternative<ReleaseLeaderKey>(step)) instance_->give_up_leadership();
  };
  listener.on_renewal = [this](const Renewal& renewal) {
    renewals_.note(renewal, node_->agent().picture().settings);
  };
  listener.on_step = [](const std::string& line) { log_info("{}", line); };
  listener.on_config = [this](const ConfigKey& config) { take_dynamic(config.json); };
  listener.on_exit = [this](const Exit& exit) { end(exit); };
  node_ = std::make_unique<Node>(identity(), last_known_settings(), layout_,
                                 Doors{.clock = clock_,
                                       .dcs = dcs_,
                                       .instance = *instance_,
                                       .peers = *peers_,
                                       .fence = *fence_,
                                       .watchdog = &*watchdog_},
                                 std::move(listener));
}

void Daemon::take_dynamic(const std::string& json) {
  dynamic_json_ = json;
  boost::asio::post(disk_, [json, data_dir = loaded_.config.postgresql.data_dir] {
    const std::string problem = write_dynamic_cache(data_dir, json);
    if (!problem.empty()) log_warning("cannot keep the dynamic configuration: {}", problem);
  });
  const auto settings = decode_settings(json);
  if (settings) {
    const LeaseMargins margins = lease_margins(*settings);
    log_info(
        "lease of {} s: renewed every {} ms; without an answer PostgreSQL is stopped {} ms and "
        "fenced {} ms before the lease can end",
        settings->ttl / 1s, margins.renew_every / 1ms, (settings->ttl - margins.demote_after) / 1ms,
        (settings->ttl - margins.fence_after) / 1ms);
  }
  // Called from inside the node: it is told a moment later.
  boost::asio::post(io_, [this] { apply_postgres_config(false); });
}

// An operator who asks for a reload may have changed a file that only PostgreSQL reads: it reloads
// whatever this agent's own settings say.
void Daemon::apply_postgres_config(bool is_asked_for) {
  std::vector<std::string> warnings;
  PostgresConfig merged = merge_dynamic(loaded_.config.postgresql, dynamic_json_, &warnings);
  for (const std::string& warning : warnings)
    log_warning("{}", warning);
  if (conf_path_of(merged) != conf_path_of(in_force_)) {
    // The server that runs reads the file that it was started with.
    log_warning("PostgreSQL's configuration stays {} until the agent is started again",
                conf_path_of(in_force_));
    merged.config_dir = in_force_.config_dir;
    merged.config_base_name = in_force_.config_base_name;
  }
  if (merged != in_force_ || is_asked_for) {
    in_force_ = std::move(merged);
    ++generation_;
    instance_->reconfigure(in_force_);
  }
  if (node_) node_->reconfigure(identity(), last_known_settings());
}

void Daemon::reload() {
  log_info("reloading {}", path_);
  service_manager_.tell_reloading();
  take_local_configuration();
  service_manager_.tell_ready();
}

void Daemon::take_local_configuration() {
  try {
    LoadedConfig fresh = load_config(path_, environment_);
    for (const std::string& warning : fresh.warnings)
      log_warning("{}", warning);
    if (const auto other = keys_of_another_agent(loaded_.config, fresh.config); !other.empty()) {
      log_error("{} cannot change while the agent runs; restart it. The old configuration stays",
                fmt::join(other, ", "));
      return;
    }
    for (const std::string& what : what_needs_a_start(loaded_.config, fresh.config))
      log_warning("{} has changed, which counts when the agent is started again", what);
    configure_log(fresh.config.log);
    // Unusable files of the one must not leave the other changed.
    (void)make_client_tls(peer_security(fresh.config));
    dcs_.renew_certificates(fresh.config.etcd);
    // A certificate may be another one under the same name.
    const bool has_certificate = !fresh.config.restapi.certfile.empty();
    if (rest_ && (has_certificate || fresh.config.restapi != loaded_.config.restapi)) {
      rest_->reconfigure(fresh.config.restapi);
    }
    dcs_.log_in_as(fresh.config.etcd.username, fresh.config.etcd.password);
    if (peers_) peers_->reconfigure(peer_security(fresh.config), peer_credentials(fresh.config));
    loaded_ = std::move(fresh);
    watch_certificates();
  } catch (const std::exception& problem) {
    log_error("{}. The old configuration stays", problem.what());
    return;
  }
  apply_postgres_config(true);
}

void Daemon::watch_certificates() {
  certificates_.watch(certificates_of(loaded_.config, server_certificates_));
}

void Daemon::hear_signals() {
  for (const int number : {SIGTERM, SIGINT, SIGHUP})
    signals_.add(number);
  signals_.async_wait([this](const boost::system::error_code& error, int number) {
    if (error) return;
    hear_signals();
    if (number == SIGHUP) {
      reload();
    } else if (node_) {
      log_info("asked to leave");
      service_manager_.tell_stopping();
      node_->leave();
    } else {
      end(Exit{.exit_code = 0, .message = "asked to leave before the store answered"});
    }
  });
}

// One line for what is new: the same reason given in every round is said once.
void Daemon::note_decision(const Tell& decision) {
  std::set<std::string> told;
  for (const Reason& reason : decision.reasons) {
    ++fired_[reason.rule];
    const std::string line = "[" + reason.rule + "] " + reason.text;
    if (!last_told_.contains(line)) {
      const LogLevel level = reason.is_warning ? LogLevel::Warning : LogLevel::Info;
      log_line(level, line, {{"rule", reason.rule}});
    }
    told.insert(line);
  }
  last_told_ = std::move(told);
  note_clashing_names();
  if (!decision.summary.empty() && decision.summary != last_summary_)
    tell_summary(decision.summary);
}

// With who has the lock beside all that is no ordinary heartbeat (as Patroni has it).
void Daemon::tell_summary(const std::string& summary) {
  const auto& cluster = node_->agent().picture().store.cluster;
  const bool is_heartbeat =
      summary.starts_with("no action. ") || summary.starts_with("PAUSE: no action");
  const bool shows_owner = !is_heartbeat || log_is_on(LogLevel::Debug);
  if (shows_owner && cluster && cluster->has_leader())
    log_info("Lock owner: {}; I am {}", cluster->leader->name, loaded_.config.name);
  log_info("{}", summary);
  last_summary_ = summary;
}

// The log shows that the loop runs: what it says is repeated once in loop_wait, if it has run
// since.
void Daemon::keep_heartbeat() {
  heartbeat_ = clock_.at(clock_.now() + node_->agent().picture().settings.loop_wait, [this] {
    const Decision& decision = node_->agent().last_decision();
    const bool has_run = decision.wake_at != heartbeat_of_;
    heartbeat_of_ = decision.wake_at;
    if (has_run && !decision.summary.empty() && !loaded_.config.log.says_heartbeats_once)
      tell_summary(decision.summary);
    keep_heartbeat();
  });
}

// A standby's own marks are of the time when it was the primary: nobody works on them now.
void Daemon::watch_archive() {
  archive_look_ = clock_.at(clock_.now() + kArchiveIsLookedAt, [this] {
    if (!node_->agent().picture().instance.is_running_primary()) {
      archive_ = {};
      return watch_archive();
    }
    boost::asio::post(disk_, [this, data_dir = in_force_.data_dir] {
      boost::asio::post(io_, [this, seen = look_at_archive(data_dir)] {
        archive_ = seen;
        watch_archive();
      });
    });
  });
}

// Two that began at the same time have not seen each other in the store.
void Daemon::note_clashing_names() {
  const auto& cluster = node_->agent().picture().store.cluster;
  if (!cluster) return;
  for (const auto& [name, member] : cluster->members) {
    const std::string clash = why_names_clash(loaded_.config.name, name);
    if (!clash.empty() && clashes_told_.insert(clash).second)
      log_error("{}. Give one of them another name", clash);
  }
}

std::string Daemon::metrics() const {
  const std::string labels =
      fmt::format("scope=\"{}\",name=\"{}\"", loaded_.config.scope, loaded_.config.name);
  const LeaseSession& session = node_->agent().picture().session;
  const double left =
      session.lease.exists()
          ? std::chrono::duration<double>(session.renewed_at + session.ttl - clock_.now()).count()
          : 0;
  std::string text = renewals_.metrics(labels, session.lease.exists() ? session.ttl : 0ms);
  text += archive_.metrics(labels, clock_.wall_now());
  text += fmt::format(
      "# HELP pgherd_lease_remaining_seconds Time until the lease ends, counted from the sending "
      "of "
      "its last renewal.\n# TYPE pgherd_lease_remaining_seconds gauge\n"
      "pgherd_lease_remaining_seconds{{{}}} {:.3f}\n"
      "# HELP pgherd_guardian_connected Whether the guardian process is there.\n"
      "# TYPE pgherd_guardian_connected gauge\npgherd_guardian_connected{{{}}} {}\n"
      "# HELP pgherd_rule_fired_total How often a rule of docs/rules.md gave a reason.\n"
      "# TYPE pgherd_rule_fired_total counter\n",
      labels, left, labels, fence_->is_connected() ? 1 : 0);
  for (const auto& [rule, count] : fired_) {
    text += fmt::format("pgherd_rule_fired_total{{{},rule=\"{}\"}} {}\n", labels, rule, count);
  }
  text +=
      "# HELP pgherd_steps_started_total What the agent has begun to do, by the kind of step.\n"
      "# TYPE pgherd_steps_started_total counter\n";
  for (const auto& [step, count] : started_) {
    text += fmt::format("pgherd_steps_started_total{{{},step=\"{}\"}} {}\n", labels, step, count);
  }
  text += certificates_.metrics(labels);
  text += host_metrics(read_host_resources(), labels);
  return text;
}

void Daemon::end(const Exit& exit) {
  service_manager_.tell_stopping();
  exit_code_ = exit.exit_code;
  if (exit.exit_code == 0) {
    log_info("{}", exit.message);
  } else {
    log_critical("{}", exit.message);
  }
  if (rest_) rest_->stop();
  signals_.cancel();
  io_.stop();
}

// What libpq reads in scripts and in the programs of PostgreSQL that they start. While there is one
// thread only, so that nobody reads the environment meanwhile.
void tell_scripts_of(const PostgresConfig& config) {
  if (!config.krbsrvname.empty())
    (void)::setenv("PGKRBSRVNAME", config.krbsrvname.c_str(), 1);  // NOLINT: see above
}

using Environment = std::map<std::string, std::string>;

// Images name a file that may be absent, and put everything into variables. (Only at the start: a
// file that is gone later is a mistake.)
std::string file_to_read(const std::string& path, const Environment& environment) {
  const bool is_told_otherwise =
      environment.contains("PATRONI_CONFIGURATION") || environment.contains("PATRONI_SCOPE");
  std::error_code ignored;
  if (path.empty() || !is_told_otherwise || std::filesystem::exists(path, ignored)) return path;
  log_warning("{} does not exist; the configuration is taken from the PATRONI_* variables alone",
              path);
  return {};
}

// Scripts and tools that are started from here are not told them. As file_to_read, before there are
// other threads: the environment is changed.
void hide_passwords(const Environment& environment) {
  for (const auto& [name, value] : environment) {
    const bool is_secret = name == "PATRONI_CONFIGURATION" ||
                           (name.starts_with("PATRONI_") && name.ends_with("PASSWORD"));
    if (is_secret) (void)::unsetenv(name.c_str());  // NOLINT: see above
  }
}

}  // namespace

int run_daemon(const std::string& named_path) {
  keep_malloc_small();
  std::signal(SIGPIPE, SIG_IGN);  // NOLINT: a peer that hangs up is an error of its own call
  try {
    const Environment environment = process_environment();
    const std::string config_path = file_to_read(named_path, environment);
    LoadedConfig loaded = load_config(config_path, environment);
    hide_passwords(environment);
    configure_log(loaded.config.log);
    for (const std::string& warning : loaded.warnings)
      log_warning("{}", warning);
    if (geteuid() == 0) {
      throw ConfigError(
          "the agent was started as root, and PostgreSQL refuses to run as root. "
          "Start it as the user who owns " +
          loaded.config.postgresql.data_dir + ", for example with 'runuser -u postgres'");
    }
    tell_scripts_of(loaded.config.postgresql);
    return Daemon(config_path, environment, std::move(loaded)).run();
  } catch (const std::exception& problem) {
    flush_log();
    fmt::print(stderr, "pgherd: {}\n", problem.what());
    return 1;
  }
}

}  // namespace pgherd
