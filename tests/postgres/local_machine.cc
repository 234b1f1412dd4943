#include "postgres/local_machine.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>

#include "postgres/local/postmaster_pid.h"
#include "postgres/local/server_settings.h"

namespace pgherd::test {
namespace {

std::string from_deps(const std::string& key) {
  const char* path = std::getenv("PGHERD_DEPS_ENV");
  std::ifstream file(path != nullptr ? path : ".deps/env");
  for (std::string line; std::getline(file, line);)
    if (line.starts_with(key + "=")) return line.substr(key.size() + 1);
  return {};
}

}  // namespace

std::string bin_dir_of(int major) {
  const std::string number = std::to_string(major);
  for (const std::string& dir :
       {from_deps("PG_BINDIR_" + number), "/usr/lib/postgresql/" + number + "/bin"})
    if (!dir.empty() && std::filesystem::exists(dir + "/postgres")) return dir;
  return {};
}

std::string any_bin_dir() {
  if (const char* wanted = std::getenv("PGHERD_TEST_POSTGRES"))
    return bin_dir_of(std::atoi(wanted));
  for (int major : {17, 18, 16, 15})
    if (const std::string dir = bin_dir_of(major); !dir.empty()) return dir;
  return {};
}

std::uint16_t free_port() {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  EXPECT_EQ(::bind(fd, reinterpret_cast<sockaddr*>(&address), size), 0);
  EXPECT_EQ(::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size), 0);
  ::close(fd);
  return ntohs(address.sin_port);
}

TemporaryDirectory::TemporaryDirectory() : path_("/tmp/pgherd-test-XXXXXX") {
  EXPECT_NE(::mkdtemp(path_.data()), nullptr);
}
TemporaryDirectory::~TemporaryDirectory() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

Node::Node(std::string name, const std::string& root, std::string bin_dir)
    : name_(std::move(name)) {
  config.listen = {.host = "127.0.0.1", .port = free_port()};
  config.data_dir = root + "/" + name_;
  config.bin_dir = std::move(bin_dir);
  config.pgpass = root + "/" + name_ + ".pgpass";
  config.superuser = {.username = "postgres", .password = "su'per \\secret"};
  config.replication = {.username = "replicator", .password = "rep:secret"};
  config.rewind = Credentials{.username = "rewinder", .password = "rew secret"};
  config.parameters = {{"fsync", "off"},
                       {"shared_buffers", "16MB"},
                       {"unix_socket_directories", root},
                       {"max_connections", "30"},
                       {"wal_keep_size", "64MB"}};
  config.pg_hba = {"local all all scram-sha-256", "host all all 127.0.0.1/32 scram-sha-256",
                   "host replication replicator 127.0.0.1/32 scram-sha-256"};
}

Node::~Node() {
  close();
  const PostmasterSearch search = find_postmaster(config.data_dir);
  if (!search.found) return;
  signal_process(search.found->process, SIGQUIT);
  while (is_running(search.found->process))
    ::usleep(10'000);
}

Upstream Node::as_upstream(const std::string& slot) const {
  return {
      .name = name_, .host = "127.0.0.1", .port = std::to_string(config.listen.port), .slot = slot};
}

void Node::names_mean(LookupResult answer) {
  if (!names_) {
    close();
    names_ = std::make_shared<Names>();
  }
  const std::lock_guard lock(names_->mutex);
  names_->answer = std::move(answer);
}

void Node::open() {
  if (instance_) return;
  BootstrapConfig bootstrap;
  bootstrap.initdb = {
      {"data-checksums", ""}, {"no-sync", ""}, {"wal-segsize", "1"}, {"auth", "scram-sha-256"}};
  bootstrap.post_bootstrap = post_bootstrap;
  LocalOptions options;
  if (names_)
    options.ask_names = [names = names_](const std::string&) {
      const std::lock_guard lock(names->mutex);
      return names->answer;
    };
  instance_ = std::make_unique<LocalInstance>(loop_.get_executor(), "herd", name_, config,
                                              bootstrap, options);
  instance_->on_change([this](const InstanceView& view) { changes.push_back(view); });
}

void Node::close() {
  instance_.reset();
  loop_.restart();
  loop_.poll();
}

LocalInstance& Node::instance() {
  open();
  return *instance_;
}

void Node::wait_until(const std::function<bool()>& is_so) {
  const auto work = boost::asio::make_work_guard(loop_);
  loop_.restart();
  while (!is_so())
    loop_.run_one_for(std::chrono::milliseconds(50));
}

void Node::begin(const Step& step) {
  ended_.reset();
  instance().perform(step, [this](ActResult result) { ended_ = std::move(result); });
}

ActResult Node::end_of_begun() {
  wait_until([this] { return ended_.has_value(); });
  return *ended_;
}

ActResult Node::perform(const Step& step) {
  begin(step);
  return end_of_begun();
}

InstanceView Node::observe() {
  std::optional<InstanceView> seen;
  instance().observe([&](InstanceView view) { seen = std::move(view); });
  wait_until([&] { return seen.has_value(); });
  return *seen;
}

InstanceView Node::observe_until(const std::function<bool(const InstanceView&)>& is_so) {
  for (;;) {
    InstanceView view = observe();
    if (is_so(view)) return view;
    ::usleep(20'000);
  }
}

Result<std::vector<Rows>, QueryError> Node::ask(ConnInfo info, const std::string& statement) {
  boost::asio::io_context loop;
  std::optional<Result<std::vector<Rows>, QueryError>> answer;
  boost::asio::co_spawn(loop, query_once(std::move(info), statement, 10s, 60s),
                        [&](const std::exception_ptr&, Result<std::vector<Rows>, QueryError> got) {
                          answer = std::move(got);
                        });
  loop.run();
  return *answer;
}

std::string Node::sql(const std::string& statement) {
  const auto answer = ask(local_conninfo(config, LocalLogin::Superuser, ""), statement);
  if (!answer) {
    ADD_FAILURE() << statement << ": " << answer.error().text;
    return {};
  }
  if (answer->empty() || answer->back().empty() || answer->back().front().empty()) return {};
  return answer->back().front().front().value_or("");
}

std::string Node::login_problem(const std::string& user, const std::string& password) {
  ConnInfo info = local_conninfo(config, LocalLogin::Superuser, "");
  info.set("user", user);
  info.set("password", password);
  const auto answer = ask(info, "select 1");
  return answer ? "" : answer.error().text;
}

}  // namespace pgherd::test
