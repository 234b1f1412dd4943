#include "rest/http_peers.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/post.hpp>
#include <charconv>
#include <utility>

#include "codec/dcs_values.h"
#include "codec/json_reading.h"
#include "rest/member_header.h"
#include "rest/url.h"

namespace pgherd {
namespace {

constexpr std::size_t kBodyBytesMax = 1U << 20U;
constexpr std::int64_t kMostFailedPromotions = 1000000;

PeerView unreachable(std::string problem) {
  PeerView view;
  view.problem = std::move(problem);
  return view;
}

ClientSecurity among_members(ClientSecurity security) {
  security.is_insecure = true;
  return security;
}

// The member key and the status document spell tags alike, and one reader judges them.
Tags tags_of(const Json& document) {
  const Json* tags = find(document, "tags");
  if (tags == nullptr) return {};
  Json member = Json::object();
  member["tags"] = *tags;
  return decode_member("", write_json(member)).tags;
}

Lsn position_in(const Json& positions, std::string_view key) {
  const Json* value = find(positions, key);
  return value == nullptr ? Lsn{} : as_lsn(*value).value_or(Lsn{});
}

// Why what stands in `self` is not the word of the member that was asked; "" when it is. Who does
// not say who it is (Patroni, when it accepts a failsafe ping) is believed at the address that the
// name server gives out now, not at one that it gave out before.
std::string doubt_of(const Json* self, const AskedMember& asked, const HttpAnswer& answer) {
  const std::string scope = self == nullptr ? "" : text_of(*self, "scope");
  const std::string name = self == nullptr ? "" : text_of(*self, "name");
  if (!scope.empty() && scope != asked.scope) {
    return fmt::format("another cluster's member answers there: {} of {}", name, scope);
  }
  if (!name.empty() && name != asked.name) {
    return fmt::format("another member answers there: {}", name);
  }
  if (name.empty() && answer.is_from_old_address) {
    return "the name server is silent, and who answers at the last known address does not say who "
           "it is";
  }
  return "";
}

PeerView view_of(const Json& document) {
  const Json* positions = find(document, "wal");
  if (positions == nullptr) positions = find(document, "xlog");
  if (positions == nullptr || !positions->is_object()) {
    const std::string state = text_of(document, "state");
    PeerView view = unreachable(fmt::format("its PostgreSQL does not answer (state: {})", state));
    const auto role = parse_member_role(text_of(document, "role"));
    const auto known = parse_member_state(state);
    view.is_closing = role == MemberRole::Primary &&
                      (known == MemberState::Stopping || known == MemberState::StopFailed);
    view.is_demoted = role == MemberRole::Demoted;
    return view;
  }
  PeerView view;
  view.is_reachable = true;
  const auto role = parse_member_role(text_of(document, "role"));
  view.in_recovery = role != MemberRole::Primary && !position_in(*positions, "location").is_known();
  if (view.in_recovery) {
    view.position = std::max(position_in(*positions, "received_location"),
                             position_in(*positions, "replayed_location"));
  }
  if (const Json* timeline = find(document, "timeline")) {
    const auto number = as_integer(*timeline).value_or(0);
    if (number > 0 && number <= UINT32_MAX) view.timeline.value = static_cast<uint32_t>(number);
  }
  view.is_streaming = text_of(document, "replication_state") == "streaming";
  const Tags tags = tags_of(document);
  view.nofailover = tags.nofailover;
  view.failover_priority = tags.failover_priority;
  const Json* watchdog = find(document, "watchdog_failed");
  view.watchdog_failed = watchdog != nullptr && is_truthy(*watchdog);
  if (const Json* failed = find(document, "failed_promotions")) {
    view.failed_promotions = static_cast<int>(
        std::clamp<std::int64_t>(as_integer(*failed).value_or(0), 0, kMostFailedPromotions));
  }
  return view;
}

// "" when the member that was asked has accepted.
std::string refusal_in(const HttpAnswer& answer, const AskedMember& asked) {
  if (answer.status != 200 || answer.body != "Accepted") {
    return fmt::format("'{}' answers {}: {}", asked.name, answer.status,
                       answer.body.substr(0, 200));
  }
  std::optional<Json> self;
  if (const auto header = answer.headers.find(kMemberHeader); header != answer.headers.end()) {
    self = read_json_object(header->second);
  }
  const std::string doubt = doubt_of(self ? &*self : nullptr, asked, answer);
  return doubt.empty() ? "" : fmt::format("'{}': {}", asked.name, doubt);
}

// The header is Patroni's as well.
void note_position(const HttpAnswer& answer, const NodeName& member, FailsafeRound& round) {
  const auto header = answer.headers.find("lsn");
  if (answer.status != 200 || header == answer.headers.end()) return;
  const char* end = header->second.data() + header->second.size();
  std::uint64_t bytes = 0;
  const auto read = std::from_chars(header->second.data(), end, bytes);
  if (read.ec == std::errc{} && read.ptr == end) round.positions[member] = Lsn{bytes};
}

}  // namespace

PeerView peer_view_of(const HttpAnswer& answer, const AskedMember& asked) {
  const auto document = read_json_object(answer.body);
  if (!document) {
    return unreachable(fmt::format("answered {} without a JSON object", answer.status));
  }
  std::string doubt = doubt_of(find(*document, "patroni"), asked, answer);
  return doubt.empty() ? view_of(*document) : unreachable(std::move(doubt));
}

struct HttpPeers::Round {
  std::function<void(NodeName, PeerView)> each;
  std::function<void()> all;
  std::size_t outstanding = 0;
};

HttpPeers::HttpPeers(boost::asio::any_io_executor loop, Clock& clock, std::string scope,
                     ClientSecurity security, std::optional<Credentials> authentication)
    : loop_(loop),
      clock_(clock),
      scope_(std::move(scope)),
      client_(std::move(loop), among_members(std::move(security))),
      authentication_(std::move(authentication)),
      alive_(std::make_shared<char>()) {}

HttpPeers::~HttpPeers() = default;

void HttpPeers::reconfigure(ClientSecurity security, std::optional<Credentials> authentication) {
  client_ = HttpClient(loop_, among_members(std::move(security)));
  authentication_ = std::move(authentication);
}

void HttpPeers::probe(const std::map<NodeName, std::string>& targets, Milliseconds timeout,
                      std::function<void(NodeName, PeerView)> each, std::function<void()> all) {
  if (targets.empty()) {
    boost::asio::post(loop_, [all = std::move(all), alive = std::weak_ptr(alive_)] {
      if (!alive.expired()) all();
    });
    return;
  }
  auto round = std::make_shared<Round>();
  *round = {.each = std::move(each), .all = std::move(all), .outstanding = targets.size()};
  const Instant asked_at = clock_.now();
  for (const auto& [name, url] : targets) {
    HttpRequest request{.url = url,
                        .body = {},
                        .authentication = authentication_,
                        .connect_timeout = timeout,
                        .timeout = timeout,
                        .body_bytes_max = kBodyBytesMax,
                        .old_addresses = OldAddresses::Welcome};
    client_.send(std::move(request),
                 [this, round, asked_at, member = name,
                  alive = std::weak_ptr(alive_)](const Result<HttpAnswer, HttpError>& answer) {
                   if (alive.expired()) return;
                   PeerView view = answer ? peer_view_of(*answer, {.scope = scope_, .name = member})
                                          : unreachable(answer.error().text);
                   view.asked_at = asked_at;
                   view.answered_at = clock_.now();
                   round->each(member, std::move(view));
                   // `each` may have ended us.
                   if (--round->outstanding == 0 && !alive.expired()) round->all();
                 });
  }
}

struct HttpPeers::FailsafeAsking {
  FailsafeRound round;
  std::function<void(FailsafeRound)> done;
  std::size_t outstanding = 0;

  void end(Instant now, std::string problem) {
    if (!done) return;
    round.ended_at = now;
    round.is_accepted = problem.empty();
    round.problem = std::move(problem);
    std::exchange(done, nullptr)(round);
  }
};

// One refusal decides, and so does one silence: the round ends with the first of them.
void HttpPeers::ask_failsafe(const FailsafePing& ping,
                             const std::map<NodeName, std::string>& targets, Milliseconds timeout,
                             std::function<void(FailsafeRound)> done) {
  auto asking = std::make_shared<FailsafeAsking>();
  asking->round.asked_at = clock_.now();
  asking->done = std::move(done);
  asking->outstanding = targets.size();
  if (targets.empty()) {
    boost::asio::post(loop_, [this, asking, alive = std::weak_ptr(alive_)] {
      if (!alive.expired()) asking->end(clock_.now(), {});
    });
    return;
  }
  Json body = {{"name", ping.name},
               {"conn_url", ping.conn_url},
               {"api_url", ping.api_url},
               {"ttl", (ping.ttl + 999ms) / 1s}};
  for (const auto& [slot, position] : ping.slots)
    body["slots"][slot] = position.bytes;
  for (const auto& [name, url] : targets) {
    HttpRequest request{.method = "POST",
                        .url = endpoint_url(url, "failsafe"),
                        .body = write_json(body),
                        .authentication = authentication_,
                        .connect_timeout = timeout,
                        .timeout = timeout,
                        .body_bytes_max = kBodyBytesMax,
                        .old_addresses = OldAddresses::Welcome};
    client_.send(std::move(request), [this, asking, member = name, alive = std::weak_ptr(alive_)](
                                         const Result<HttpAnswer, HttpError>& answer) {
      if (alive.expired()) return;
      if (answer) note_position(*answer, member, asking->round);
      std::string problem =
          answer ? refusal_in(*answer, {.scope = scope_, .name = member}) : answer.error().text;
      if (!problem.empty() || --asking->outstanding == 0) {
        asking->end(clock_.now(), std::move(problem));
      }
    });
  }
}

}  // namespace pgherd
