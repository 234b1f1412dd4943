#include "codec/config_generator.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <string_view>

#include "codec/config_environment.h"
#include "codec/postgres_settings.h"
#include "codec/yaml_tree.h"
#include "codec/yaml_writer.h"

namespace pgherd {
namespace {

namespace fs = std::filesystem;

constexpr const char* kFixMe = "#FIXME";

std::string or_fix_me(const std::string& text) {
  return text.empty() ? kFixMe : text;
}

// An IPv6 address needs its brackets before a port.
std::string with_port(const std::string& address, const std::string& port) {
  const bool is_ipv6 = address.find(':') != std::string::npos;
  return (is_ipv6 ? "[" + address + "]" : or_fix_me(address)) + ":" + port;
}

Json common_sections(const GeneratorFacts& facts) {
  Json config;
  config["scope"] = kFixMe;
  config["name"] = or_fix_me(facts.host_name);
  const std::string rest = with_port(facts.address, "8008");
  config["log"] = {{"type", "plain"},
                   {"level", "INFO"},
                   {"traceback_level", "ERROR"},
                   {"format", "%(asctime)s %(levelname)s: %(message)s"},
                   {"max_queue_size", 1000}};
  config["restapi"] = {{"connect_address", rest}, {"listen", rest}};
  config["bootstrap"]["dcs"] = {{"loop_wait", 10}, {"retry_timeout", 10}, {"ttl", 30}};
  Json& shared = config["bootstrap"]["dcs"]["postgresql"];
  for (const auto& [name, value] : merge_dynamic({}, "{}").parameters)
    shared["parameters"][name] = value;
  shared["use_slots"] = true;
  const std::string server = with_port(facts.address, "5432");
  config["postgresql"] = {
      {"bin_dir", ""}, {"connect_address", server}, {"data_dir", kFixMe}, {"listen", server}};
  config["postgresql"]["authentication"] = {
      {"replication", {{"password", kFixMe}, {"username", "replicator"}}},
      {"superuser", {{"password", kFixMe}, {"username", "postgres"}}}};
  config["tags"] = {{"clonefrom", true},
                    {"failover_priority", 1},
                    {"noloadbalance", false},
                    {"nostream", false},
                    {"nosync", false}};
  return config;
}

void add_sample(Json& config) {
  Json& postgresql = config["postgresql"];
  config["bootstrap"]["dcs"]["postgresql"]["use_pg_rewind"] = true;
  postgresql["authentication"]["rewind"] = {{"password", kFixMe}, {"username", "rewind_user"}};
  postgresql["parameters"]["password_encryption"] = "scram-sha-256";
}

void add_sample_hba(Json& postgresql) {
  if (postgresql.contains("pg_hba")) return;
  const std::string user =
      postgresql["authentication"]["replication"]["username"].get<std::string>();
  postgresql["pg_hba"] = {"host all all all scram-sha-256",
                          "host replication " + user + " all scram-sha-256"};
}

// Commands can run anything: they are not for the configuration that all members share.
bool is_local_parameter(std::string_view name) {
  constexpr std::array<std::string_view, 5> kLocal = {
      "archive_command", "restore_command", "archive_cleanup_command", "recovery_end_command",
      "ssl_passphrase_command"};
  return std::find(kLocal.begin(), kLocal.end(), name) != kLocal.end();
}

// A scope is one word in the store; Debian calls its clusters 17/main.
std::string scope_from(std::string cluster_name) {
  std::replace(cluster_name.begin(), cluster_name.end(), '/', '-');
  return cluster_name;
}

void add_config_files(const ServerFacts& server, Json& postgresql) {
  const fs::path file(server.config_file);
  const std::string folder = file.parent_path().string();
  if (!folder.empty() && folder != server.data_dir) postgresql["config_dir"] = folder;
  if (!folder.empty() && file.stem() != "postgresql")
    postgresql["config_base_name"] = file.stem().string();
  const std::string home = folder.empty() ? server.data_dir : folder;
  if (server.hba_file != home + "/pg_hba.conf") {
    postgresql["parameters"]["hba_file"] = server.hba_file;
  } else if (!server.hba_lines.empty()) {
    postgresql["pg_hba"] = server.hba_lines;
  }
  if (server.ident_file != home + "/pg_ident.conf") {
    postgresql["parameters"]["ident_file"] = server.ident_file;
  } else if (!server.ident_lines.empty()) {
    postgresql["pg_ident"] = server.ident_lines;
  }
}

void add_server(const ServerFacts& server, const std::string& address, Json& config) {
  if (!server.cluster_name.empty()) config["scope"] = scope_from(server.cluster_name);
  Json& postgresql = config["postgresql"];
  Json& shared = config["bootstrap"]["dcs"]["postgresql"]["parameters"];
  for (const auto& [name, value] : server.parameters)
    (is_local_parameter(name) ? postgresql["parameters"] : shared)[name] = value;
  postgresql["data_dir"] = server.data_dir;
  postgresql["bin_dir"] = server.bin_dir;
  postgresql["connect_address"] = with_port(address, server.connect_port);
  postgresql["listen"] = server.listen_addresses + ":" + server.port;
  postgresql["authentication"] = {{"replication", {{"password", kFixMe}, {"username", kFixMe}}}};
  for (const auto& [key, value] : server.superuser)
    postgresql["authentication"]["superuser"][key] = value;
  for (const char* key : {"username", "password"})
    if (!postgresql["authentication"]["superuser"].contains(key))
      postgresql["authentication"]["superuser"][key] = kFixMe;
  add_config_files(server, postgresql);
}

// Without a store nothing starts: the one that a machine of its own would have.
void add_store(Json& config) {
  for (const char* store : {"etcd3", "etcd"})
    if (config.contains(store)) return;
  config["etcd3"]["hosts"] = "127.0.0.1:2379";
}

void merge_over(Json& base, const Json& overlay) {
  for (const auto& [key, value] : overlay.items()) {
    if (value.is_object() && base.contains(key) && base[key].is_object()) {
      merge_over(base[key], value);
    } else {
      base[key] = value;
    }
  }
}

std::string indented(std::string text, std::string_view by) {
  std::string out;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    out.append(by).append(text.substr(0, end)).append("\n");
    text = end == std::string::npos ? "" : text.substr(end + 1);
  }
  return out;
}

std::string written(const Json& config) {
  std::string text;
  const auto section = [&](const char* name) {
    if (!config.contains(name)) return;
    if (config[name].is_structured()) text += "\n";
    text += write_yaml(Json{{name, config[name]}});
  };
  for (const char* name :
       {"scope", "namespace", "name", "thread_pool_size", "thread_stack_size", "log", "restapi",
        "ctl", "citus", "consul", "etcd", "etcd3", "exhibitor", "kubernetes", "raft", "zookeeper"})
    section(name);
  text +=
      "\n# What a new cluster begins with. Once it is there this section does nothing any more.\n"
      "bootstrap:\n"
      "  # Goes into the store and counts for all members; later changes are made with\n"
      "  # `patronictl edit-config`.\n"
      "  dcs:\n";
  for (const char* name : {"loop_wait", "retry_timeout", "ttl", "postgresql"})
    text += indented(write_yaml(Json{{name, config["bootstrap"]["dcs"][name]}}), "    ");
  for (const char* name : {"postgresql", "watchdog", "tags"})
    section(name);
  return text;
}

}  // namespace

std::string generated_config(const GeneratorFacts& facts) {
  Json config = common_sections(facts);
  if (!facts.server) add_sample(config);
  if (facts.server) add_server(*facts.server, facts.address, config);
  merge_over(config, to_json(read_environment(facts.environment).root));
  if (!facts.server) add_sample_hba(config["postgresql"]);
  add_store(config);
  return written(config);
}

}  // namespace pgherd
