// Real PostgreSQL for tests: temporary directories, free ports, and LocalInstances whose callbacks
// are waited for on a loop that the test turns itself.
#pragma once

#include <boost/asio/io_context.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "postgres/local/local_instance.h"
#include "postgres/local/session.h"
#include "runtime/name_lookup.h"

namespace pgherd::test {

// The programs of this major version, "" when they are not installed.
[[nodiscard]] std::string bin_dir_of(int major);
// The one that the variable PGHERD_TEST_POSTGRES names ("15"), else the newest that we know well.
[[nodiscard]] std::string any_bin_dir();
[[nodiscard]] std::uint16_t free_port();

class TemporaryDirectory {
 public:
  TemporaryDirectory();
  ~TemporaryDirectory();
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;
};

// A node: its configuration and the hands that work on it.
class Node {
 public:
  Node(std::string name, const std::string& root, std::string bin_dir);
  ~Node();
  Node(const Node&) = delete;
  Node& operator=(const Node&) = delete;

  PostgresConfig config;
  std::string post_bootstrap;
  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] Upstream as_upstream(const std::string& slot = "") const;

  // What the agent hears of any name; PostgreSQL goes on asking the real name server.
  void names_mean(LookupResult answer);

  // The agent's process begins; calls of the rest begin it if need be.
  void open();
  // The agent's process ends; PostgreSQL goes on.
  void close();

  ActResult perform(const Step& step);
  // Started, not waited for.
  void begin(const Step& step);
  [[nodiscard]] bool has_ended() const { return ended_.has_value(); }
  ActResult end_of_begun();
  LocalInstance& instance();
  InstanceView observe();
  // Looks until it is so; the test's time limit is the limit.
  InstanceView observe_until(const std::function<bool(const InstanceView&)>& is_so);
  // The views that came by themselves.
  std::vector<InstanceView> changes;
  void wait_until(const std::function<bool()>& is_so);

  // One statement as the superuser; the first column of the first row, "" without one.
  std::string sql(const std::string& statement);
  // As somebody else, by TCP with a password; the error text when it is refused.
  std::string login_problem(const std::string& user, const std::string& password);

 private:
  Result<std::vector<Rows>, QueryError> ask(ConnInfo info, const std::string& statement);
  std::string name_;
  boost::asio::io_context loop_;
  std::unique_ptr<LocalInstance> instance_;
  std::optional<ActResult> ended_;
  struct Names {
    std::mutex mutex;
    LookupResult answer;
  };
  std::shared_ptr<Names> names_;  // shared with the threads that look up
};

}  // namespace pgherd::test
