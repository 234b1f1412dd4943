// A configuration to begin with, as a document for people (Patroni, --generate-sample-config and
// --generate-config): what is not known is #FIXME. PATRONI_* variables are in it.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace pgherd {

// What a running PostgreSQL says of itself.
struct ServerFacts {
  std::string data_dir;
  std::string bin_dir;
  std::string config_file;
  std::string hba_file;
  std::string ident_file;
  std::string listen_addresses;
  std::string port;
  std::string connect_port;  // by which it was reached
  std::string cluster_name;
  // Parameters that somebody has set, and those that all members must have alike, in the order in
  // which they are to stand.
  std::vector<std::pair<std::string, std::string>> parameters;
  std::vector<std::string> hba_lines;
  std::vector<std::string> ident_lines;
  std::map<std::string, std::string> superuser;  // keys of authentication.superuser
};

struct GeneratorFacts {
  std::string host_name;  // "": not known
  std::string address;    // of this host, by which others reach it; "": not known
  std::map<std::string, std::string> environment;
  std::optional<ServerFacts> server;  // absent: a sample with defaults
};

// Throws ConfigError for variables that cannot be read.
[[nodiscard]] std::string generated_config(const GeneratorFacts& facts);

}  // namespace pgherd
