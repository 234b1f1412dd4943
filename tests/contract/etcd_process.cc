#include "contract/etcd_process.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <memory>
#include <random>
#include <sstream>
#include <stdexcept>
#include <thread>

namespace pgherd::contract {

namespace fs = std::filesystem;

namespace {

std::string from_env_file(const std::string& variable) {
  const char* path = std::getenv("PGHERD_DEPS_ENV");
  std::ifstream file(path ? path : ".deps/env");
  for (std::string line; std::getline(file, line);)
    if (line.starts_with(variable + "=")) return line.substr(variable.size() + 1);
  return {};
}

std::string from_path(const std::string& name) {
  const char* path = std::getenv("PATH");
  std::istringstream folders(path ? path : "");
  for (std::string folder; std::getline(folders, folder, ':');)
    if (const auto program = fs::path(folder) / name; ::access(program.c_str(), X_OK) == 0)
      return program;
  return {};
}

sockaddr_in loopback(int port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  return address;
}

class Socket {
 public:
  Socket() : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    if (fd_ < 0) throw std::runtime_error(std::string("no socket: ") + std::strerror(errno));
  }
  ~Socket() { ::close(fd_); }
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;

  bool binds(int port) const { return takes(::bind, port); }
  bool reaches(int port) const { return takes(::connect, port); }

 private:
  bool takes(int (*call)(int, const sockaddr*, socklen_t), int port) const {
    const sockaddr_in address = loopback(port);
    return call(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  }

  int fd_;
};

// Not of the range from which the kernel takes ports by itself: a member that is killed and started
// again must find its own free.
int first_port_of_the_kernel() {
  std::ifstream range("/proc/sys/net/ipv4/ip_local_port_range");
  int first = 0;
  return range >> first ? first : 32768;
}

// Bound by nobody at this moment; whoever starts a server on it must see whether it still was.
int free_port() {
  static std::mt19937 random{std::random_device{}()};
  std::uniform_int_distribution<int> any(10000, std::max(first_port_of_the_kernel(), 10100) - 1);
  constexpr int kTries = 1000;
  for (int i = 0; i < kTries; ++i) {
    const int port = any(random);
    if (Socket().binds(port)) return port;
  }
  throw std::runtime_error("no free loopback port among a thousand");
}

// Until it serves the port: false, if it has ended instead, which it does when another has taken
// its port. The end is left to be collected.
bool comes_to_listen(pid_t child, int port) {
  constexpr auto kPause = std::chrono::milliseconds(5);
  for (;;) {
    siginfo_t end{};
    const int ended = ::waitid(P_PID, static_cast<id_t>(child), &end, WEXITED | WNOHANG | WNOWAIT);
    if (ended != 0 || end.si_pid == child) return false;
    if (Socket().reaches(port)) return true;
    std::this_thread::sleep_for(kPause);
  }
}

// How often other ports are tried for what did not come up.
constexpr int kPortsTried = 5;

std::vector<char*> pointers_to(std::vector<std::string>& words) {
  std::vector<char*> pointers;
  for (auto& word : words)
    pointers.push_back(word.data());
  pointers.push_back(nullptr);
  return pointers;
}

// `output`: the child's stdout and stderr. Only async-signal-safe calls between fork and exec.
pid_t spawn(std::vector<std::string> words, int output) {
  const auto arguments = pointers_to(words);
  const pid_t parent = ::getpid();
  const pid_t child = ::fork();
  if (child < 0) throw std::runtime_error(std::string("fork: ") + std::strerror(errno));
  if (child > 0) return child;
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(126);
  ::dup2(output, STDOUT_FILENO);
  ::dup2(output, STDERR_FILENO);
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::execv(arguments[0], arguments.data());
  ::_exit(127);
}

int wait_for(pid_t child) {
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return status;
}

std::string url(int port) {
  return "http://127.0.0.1:" + std::to_string(port);
}

std::string end_of_file(const std::string& path) {
  constexpr std::size_t kEnough = 4000;
  std::ifstream file(path);
  std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  return text.size() > kEnough ? text.substr(text.size() - kEnough) : text;
}

}  // namespace

std::string find_program(const std::string& variable, const std::string& name) {
  const char* named = std::getenv(variable.c_str());
  for (const auto& found :
       {std::string(named ? named : ""), from_env_file(variable), from_path(name)})
    if (!found.empty() && ::access(found.c_str(), X_OK) == 0) return found;
  throw std::runtime_error("these tests need a real etcd 3.5, and `" + name +
                           "` is neither named by $" + variable +
                           " nor by .deps/env, nor in PATH: run `make fetch-deps`");
}

namespace {

// Of 3.5, or of the version that PGHERD_ETCD_VERSION names.
std::string find_etcd(std::string variable, const std::string& name) {
  const char* version = std::getenv("PGHERD_ETCD_VERSION");
  if (version == nullptr) return find_program(variable, name);
  for (const char character : "_" + std::string(version))
    variable += character == '.' ? '_' : character;
  return find_program(variable, "no program in PATH is looked for");
}

}  // namespace

std::string run(std::vector<std::string> words) {
  const auto program = words.front();
  std::FILE* output = std::tmpfile();
  if (!output) throw std::runtime_error(std::string("no temporary file: ") + std::strerror(errno));
  const int status = wait_for(spawn(std::move(words), ::fileno(output)));
  std::string said(4000, '\0');
  if (std::fseek(output, 0, SEEK_SET) != 0)
    throw std::runtime_error("cannot read what " + program + " said");
  said.resize(std::fread(said.data(), 1, said.size(), output));
  (void)std::fclose(output);
  if (status != 0) throw std::runtime_error(program + " failed: " + said);
  return said;
}

EtcdProcess::EtcdProcess(Identity identity, std::string scheme, std::string initial_cluster,
                         std::string folder, std::vector<std::string> more_options)
    : identity_(std::move(identity)),
      scheme_(std::move(scheme)),
      initial_cluster_(std::move(initial_cluster)),
      folder_(std::move(folder)),
      more_options_(std::move(more_options)),
      log_path_(folder_ + "/" + identity_.name + ".log") {
  start();
}

EtcdProcess::~EtcdProcess() {
  kill();
}

std::string EtcdProcess::endpoint() const {
  return "127.0.0.1:" + std::to_string(identity_.client_port);
}

void EtcdProcess::start() {
  std::vector<std::string> words{find_etcd("ETCD", "etcd"), "--name=" + identity_.name,
                                 "--data-dir=" + folder_ + "/" + identity_.name,
                                 "--listen-client-urls=" + scheme_ + "://" + endpoint(),
                                 "--advertise-client-urls=" + scheme_ + "://" + endpoint(),
                                 "--listen-peer-urls=" + url(identity_.peer_port),
                                 "--initial-advertise-peer-urls=" + url(identity_.peer_port),
                                 "--initial-cluster=" + initial_cluster_,
                                 "--initial-cluster-state=new", "--heartbeat-interval=50",
                                 "--election-timeout=500",
                                 // As 3.5 does by itself: who has been frozen does not call for
                                 // one election after another.
                                 "--pre-vote", "--log-level=info", "--unsafe-no-fsync"};
  words.insert(words.end(), more_options_.begin(), more_options_.end());
  const int log = ::open(log_path_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (log < 0) throw std::runtime_error("cannot write " + log_path_ + ": " + std::strerror(errno));
  pid_ = spawn(std::move(words), log);
  ::close(log);
}

bool EtcdProcess::comes_to_listen() const {
  return contract::comes_to_listen(pid_, identity_.client_port);
}

void EtcdProcess::send(int signal) const {
  if (pid_ > 0) ::kill(pid_, signal);
}

void EtcdProcess::kill() {
  if (pid_ <= 0) return;
  send(SIGKILL);
  wait_for(pid_);
  pid_ = -1;
}

void EtcdProcess::freeze() {
  send(SIGSTOP);
  // The signal is sent; a thread of it may still be answering until all of them stand.
  int status = 0;
  if (pid_ > 0) ::waitpid(pid_, &status, WUNTRACED);
}
void EtcdProcess::thaw() {
  send(SIGCONT);
}

EtcdCluster::EtcdCluster(int members, std::vector<std::string> more_options) {
  auto pattern = (fs::temp_directory_path() / "pgherd-etcd-XXXXXX").string();
  if (!::mkdtemp(pattern.data()))
    throw std::runtime_error("cannot make a folder like " + pattern + ": " + std::strerror(errno));
  folder_ = pattern;
  const bool has_certificate =
      std::any_of(more_options.begin(), more_options.end(),
                  [](const std::string& option) { return option.starts_with("--cert-file"); });
  const std::string scheme = has_certificate ? "https" : "http";
  for (int i = 0; !come_up(members, scheme, more_options); ++i)
    if (i == kPortsTried) throw std::runtime_error("etcd ends by itself:\n" + logs());
}

bool EtcdCluster::come_up(int members, const std::string& scheme,
                          const std::vector<std::string>& more_options) {
  members_.clear();
  std::vector<EtcdProcess::Identity> identities;
  std::string cluster;
  for (int i = 0; i < members; ++i) {
    identities.push_back({"m" + std::to_string(i), free_port(), free_port()});
    cluster += (i > 0 ? "," : "") + identities.back().name + "=" + url(identities.back().peer_port);
  }
  for (const auto& identity : identities) {
    fs::remove_all(folder_ + "/" + identity.name);
    members_.push_back(
        std::make_unique<EtcdProcess>(identity, scheme, cluster, folder_, more_options));
  }
  return std::all_of(members_.begin(), members_.end(),
                     [](const auto& member) { return member->comes_to_listen(); });
}

EtcdCluster::~EtcdCluster() {
  members_.clear();
  std::error_code ignored;
  fs::remove_all(folder_, ignored);
}

std::vector<std::string> EtcdCluster::endpoints() const {
  std::vector<std::string> endpoints;
  for (const auto& member : members_)
    endpoints.push_back(member->endpoint());
  return endpoints;
}

std::string EtcdCluster::ctl(const std::vector<std::string>& arguments) {
  std::vector<std::string> words{find_etcd("ETCDCTL", "etcdctl"),
                                 "--endpoints=" + members_.front()->endpoint()};
  words.insert(words.end(), arguments.begin(), arguments.end());
  return run(std::move(words));
}

std::string EtcdCluster::logs() const {
  std::string text;
  for (const auto& member : members_)
    text += "---- " + member->log_path() + "\n" + end_of_file(member->log_path());
  return text;
}

EtcdProxy::EtcdProxy(const std::string& kind, EtcdCluster& behind) {
  std::string members;
  for (const auto& member : behind.endpoints())
    members += (members.empty() ? "" : ",") + member;
  for (int i = 0; !comes_up(kind, members, behind.folder()); ++i)
    if (i == kPortsTried) throw std::runtime_error("etcd " + kind + " ends by itself");
}

bool EtcdProxy::comes_up(const std::string& kind, const std::string& members,
                         const std::string& folder) {
  end();
  const int port = free_port();
  endpoint_ = "127.0.0.1:" + std::to_string(port);
  const std::string log_path = folder + "/" + kind + ".log";
  const int log = ::open(log_path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (log < 0) throw std::runtime_error("cannot write " + log_path + ": " + std::strerror(errno));
  std::vector<std::string> words{find_etcd("ETCD", "etcd"), kind, "start", "--endpoints=" + members,
                                 "--listen-addr=" + endpoint_};
  // A gateway leaves a member that it has not reached once alone for a minute, unless told.
  if (kind == "gateway") words.emplace_back("--retry-delay=100ms");
  pid_ = spawn(std::move(words), log);
  ::close(log);
  return comes_to_listen(pid_, port);
}

void EtcdProxy::end() {
  if (pid_ <= 0) return;
  ::kill(pid_, SIGKILL);
  wait_for(pid_);
  pid_ = -1;
}

EtcdProxy::~EtcdProxy() {
  end();
}

}  // namespace pgherd::contract
