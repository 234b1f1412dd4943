// EtcdProcess and EtcdCluster: real etcd members on loopback ports that were free, with their data
// in a temporary folder, to be killed, frozen and started again. They end with their object, and
// with the test if that dies.
#pragma once

#include <sys/types.h>

#include <memory>
#include <string>
#include <vector>

namespace pgherd::contract {

// From the environment (ETCD, ETCDCTL), the dependencies' env file (PGHERD_DEPS_ENV), or PATH.
// Throws std::runtime_error that says where it was looked for.
[[nodiscard]] std::string find_program(const std::string& variable, const std::string& name);

// Runs a program to its end and returns what it printed; throws, with that, when it fails.
std::string run(std::vector<std::string> words);

class EtcdProcess {
 public:
  struct Identity {
    std::string name;
    int client_port = 0;
    int peer_port = 0;
  };

  // `scheme`: of the client URLs.
  EtcdProcess(Identity identity, std::string scheme, std::string initial_cluster,
              std::string folder, std::vector<std::string> more_options);
  ~EtcdProcess();
  EtcdProcess(const EtcdProcess&) = delete;
  EtcdProcess& operator=(const EtcdProcess&) = delete;

  [[nodiscard]] std::string endpoint() const;  // "127.0.0.1:port"
  [[nodiscard]] const std::string& log_path() const { return log_path_; }

  void start();
  // Waits until it serves clients; false if it has ended instead.
  [[nodiscard]] bool comes_to_listen() const;
  void kill();    // SIGKILL, and waits for its end
  void freeze();  // SIGSTOP: it lives, its connections stay, it says nothing
  void thaw();

 private:
  void send(int signal) const;

  const Identity identity_;
  const std::string scheme_;
  const std::string initial_cluster_;
  const std::string folder_;
  const std::vector<std::string> more_options_;
  const std::string log_path_;
  pid_t pid_ = -1;
};

class EtcdCluster {
 public:
  // Returns when every member listens. Options that name certificates make the members speak TLS to
  // clients.
  explicit EtcdCluster(int members, std::vector<std::string> more_options = {});
  ~EtcdCluster();
  EtcdCluster(const EtcdCluster&) = delete;
  EtcdCluster& operator=(const EtcdCluster&) = delete;

  [[nodiscard]] EtcdProcess& member(std::size_t index) { return *members_.at(index); }
  [[nodiscard]] std::vector<std::string> endpoints() const;
  // Runs etcdctl against the first member and returns what it prints; throws when it fails.
  std::string ctl(const std::vector<std::string>& arguments);
  // Where the members, and what belongs to them, have their data and logs.
  [[nodiscard]] const std::string& folder() const { return folder_; }
  // The last lines of every member's log, for a failing test.
  [[nodiscard]] std::string logs() const;

 private:
  bool come_up(int members, const std::string& scheme,
               const std::vector<std::string>& more_options);

  std::string folder_;
  std::vector<std::unique_ptr<EtcdProcess>> members_;
};

// What stands between clients and the members: "gateway" forwards connections, "grpc-proxy" speaks
// the protocol itself, and gathers watches and renewals.
class EtcdProxy {
 public:
  EtcdProxy(const std::string& kind, EtcdCluster& behind);
  ~EtcdProxy();
  EtcdProxy(const EtcdProxy&) = delete;
  EtcdProxy& operator=(const EtcdProxy&) = delete;

  [[nodiscard]] std::string endpoint() const { return endpoint_; }

 private:
  bool comes_up(const std::string& kind, const std::string& members, const std::string& folder);
  void end();

  std::string endpoint_;
  pid_t pid_ = -1;
};

}  // namespace pgherd::contract
