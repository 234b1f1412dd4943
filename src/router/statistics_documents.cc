#include "router/statistics_documents.h"

#include <fmt/format.h>

#include <array>
#include <nlohmann/json.hpp>

#include "codec/time_values.h"
#include "rest/prometheus_text.h"

namespace pgherd::router {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::array<Purpose, 2> kPurposes = {Purpose::Write, Purpose::Read};

const char* word_of(Purpose purpose) {
  return purpose == Purpose::Write ? "write" : "read";
}

std::string role_text(const Server& server) {
  return server.role ? std::string(to_string(*server.role)) : "";
}
std::string state_text(const Server& server) {
  return server.state ? std::string(to_string(*server.state)) : "";
}
bool takes(const RouterStatus& status, std::size_t place, Purpose purpose) {
  return purpose == Purpose::Write ? status.routes.primary == place
                                   : status.routes.servers[place].takes_reads;
}
bool is_served(const RouterStatus& status, Purpose purpose) {
  return purpose == Purpose::Write ? status.serves_writes : status.serves_reads;
}
std::int64_t milliseconds(Duration time) {
  return std::chrono::duration_cast<Milliseconds>(time).count();
}

// ---- JSON ------------------------------------------------------------------------------------

Json leg_json(const LegTally& leg) {
  return {{"now", value_of(leg.open_now)},
          {"total", value_of(leg.opened)},
          {"bytes_from_clients", value_of(leg.from_clients_bytes)},
          {"bytes_to_clients", value_of(leg.to_clients_bytes)},
          {"answers", value_of(leg.answers)}};
}

Json server_json(const RouterStatus& status, std::size_t place) {
  const Server& server = status.routes.servers[place];
  const ServerTally& tally = *status.tallies[place];
  Json json{{"name", server.name},
            {"host", server.address.host},
            {"port", server.address.port},
            {"role", role_text(server)},
            {"state", state_text(server)},
            {"timeline", server.timeline.value},
            {"lag_bytes", server.lag_bytes},
            {"lag_milliseconds", server.lag_time.count()},
            {"takes_writes", takes(status, place, Purpose::Write)},
            {"takes_reads", server.takes_reads}};
  if (!server.takes_reads) json["why_no_reads"] = server.why_no_reads;
  json["failures"] = value_of(tally.failures);
  for (const Purpose purpose : kPurposes)
    json["sessions"][word_of(purpose)] = leg_json(tally.leg(purpose));
  return json;
}

Json port_json(const PortTally& port) {
  return {{"accepted", value_of(port.accepted)},
          {"sessions", value_of(port.open_now)},
          {"held_now", value_of(port.held_now)},
          {"held", value_of(port.held)},
          {"held_seconds", static_cast<double>(value_of(port.held_microseconds)) / 1e6},
          {"refused", value_of(port.refused)},
          {"cut", value_of(port.cut)},
          {"lost", value_of(port.lost)},
          {"parked_now", value_of(port.parked_now)},
          {"moved", value_of(port.moved)}};
}

// ---- Prometheus --------------------------------------------------------------------------------

class Metrics {
 public:
  explicit Metrics(const RouterStatus& status) : scope_(quoted_label(status.scope)) {}

  void family(std::string_view name, std::string_view type, std::string_view help) {
    name_ = name;
    text_ += fmt::format("# HELP {0} {1}\n# TYPE {0} {2}\n", name, help, type);
  }
  template <typename Number>
  void value(Number number, const std::string& labels = "") {
    text_ += fmt::format("{}{{scope={}{}{}}} {}\n", name_, scope_, labels.empty() ? "" : ",",
                         labels, number);
  }
  [[nodiscard]] std::string take() { return std::move(text_); }

 private:
  std::string scope_;
  std::string name_;
  std::string text_;
};

std::string port_label(Purpose purpose) {
  return fmt::format("port=\"{}\"", word_of(purpose));
}

void add_port_metric(Metrics& metrics, const RouterStatus& status, std::string_view name,
                     std::string_view type, std::string_view help, Count PortTally::* what) {
  metrics.family(name, type, help);
  for (const Purpose purpose : kPurposes)
    metrics.value(value_of(status.tally.port(purpose).*what), port_label(purpose));
}

void add_server_metric(Metrics& metrics, const RouterStatus& status, std::string_view name,
                       std::string_view type, std::string_view help, Count LegTally::* what) {
  metrics.family(name, type, help);
  for (const auto& tally : status.tallies) {
    for (const Purpose purpose : kPurposes) {
      metrics.value(value_of(tally->leg(purpose).*what),
                    fmt::format("server={},{}", quoted_label(tally->name), port_label(purpose)));
    }
  }
}

void add_count(Metrics& metrics, std::string_view name, std::string_view help, const Count& count) {
  metrics.family(name, "counter", help);
  metrics.value(value_of(count));
}

void add_ports(Metrics& metrics, const RouterStatus& status) {
  add_port_metric(metrics, status, "pgherd_router_accepted_total", "counter",
                  "Connections of clients.", &PortTally::accepted);
  add_port_metric(metrics, status, "pgherd_router_sessions", "gauge", "Sessions with a server.",
                  &PortTally::open_now);
  add_port_metric(metrics, status, "pgherd_router_held", "gauge", "Clients that wait for a server.",
                  &PortTally::held_now);
  add_port_metric(metrics, status, "pgherd_router_held_total", "counter",
                  "Clients that had to wait for a server.", &PortTally::held);
  metrics.family("pgherd_router_held_seconds_total", "counter", "How long they have waited.");
  for (const Purpose purpose : kPurposes) {
    const auto held = value_of(status.tally.port(purpose).held_microseconds);
    metrics.value(fmt::format("{:.6f}", static_cast<double>(held) / 1e6), port_label(purpose));
  }
  add_port_metric(metrics, status, "pgherd_router_refused_total", "counter",
                  "Clients that waited in vain.", &PortTally::refused);
  add_port_metric(metrics, status, "pgherd_router_cut_total", "counter",
                  "Sessions ended because the roles changed.", &PortTally::cut);
  add_port_metric(metrics, status, "pgherd_router_lost_total", "counter",
                  "Sessions whose server was gone without a word.", &PortTally::lost);
  add_port_metric(metrics, status, "pgherd_router_parked", "gauge",
                  "Sessions at rest that wait until the primary has moved.",
                  &PortTally::parked_now);
  add_port_metric(metrics, status, "pgherd_router_moved_total", "counter",
                  "Sessions that went on with the new primary.", &PortTally::moved);
}

void add_servers(Metrics& metrics, const RouterStatus& status) {
  metrics.family("pgherd_router_takes", "gauge", "1 if new sessions of the port go to the server.");
  for (std::size_t place = 0; place < status.routes.servers.size(); ++place) {
    for (const Purpose purpose : kPurposes) {
      metrics.value(takes(status, place, purpose) ? 1 : 0,
                    fmt::format("server={},{}", quoted_label(status.routes.servers[place].name),
                                port_label(purpose)));
    }
  }
  metrics.family("pgherd_router_lag_bytes", "gauge", "How far a standby is behind, as published.");
  for (const Server& server : status.routes.servers)
    metrics.value(server.lag_bytes, "server=" + quoted_label(server.name));
  metrics.family("pgherd_router_lag_seconds", "gauge", "The same in time.");
  for (const Server& server : status.routes.servers) {
    metrics.value(fmt::format("{:.3f}", static_cast<double>(server.lag_time.count()) / 1000),
                  "server=" + quoted_label(server.name));
  }
  metrics.family("pgherd_router_failures_total", "counter", "Connections that did not come about.");
  for (const auto& tally : status.tallies)
    metrics.value(value_of(tally->failures), "server=" + quoted_label(tally->name));
  add_server_metric(metrics, status, "pgherd_router_server_sessions", "gauge",
                    "Sessions with the server.", &LegTally::open_now);
  add_server_metric(metrics, status, "pgherd_router_server_sessions_total", "counter",
                    "Sessions with the server.", &LegTally::opened);
  add_server_metric(metrics, status, "pgherd_router_bytes_from_clients_total", "counter",
                    "Bytes to the server.", &LegTally::from_clients_bytes);
  add_server_metric(metrics, status, "pgherd_router_bytes_to_clients_total", "counter",
                    "Bytes from the server.", &LegTally::to_clients_bytes);
  add_server_metric(metrics, status, "pgherd_router_answers_total", "counter",
                    "How often the server was ready for the next query.", &LegTally::answers);
}

// ---- CSV -------------------------------------------------------------------------------------

constexpr const char* kCsvHeader =
    "# "
    "pxname,svname,qcur,qmax,scur,smax,slim,stot,bin,bout,dreq,dresp,ereq,econ,eresp,wretr,wredis,"
    "status,weight,act,bck,chkfail,chkdown,lastchg,downtime,qlimit,pid,iid,sid,throttle,lbtot,"
    "tracked,type,rate,rate_lim,rate_max,check_status,check_code,check_duration,hrsp_1xx,hrsp_2xx,"
    "hrsp_3xx,hrsp_4xx,hrsp_5xx,hrsp_other,hanafail,req_rate,req_rate_max,req_tot,cli_abrt,srv_"
    "abrt,"
    "comp_in,comp_out,comp_byp,comp_rsp,lastsess,last_chk,last_agt,qtime,ctime,rtime,ttime,\n";
constexpr std::size_t kCsvColumns = 62;

struct CsvRow {
  std::string proxy;
  std::string server;
  std::uint64_t waiting = 0;
  std::uint64_t sessions = 0;
  std::uint64_t sessions_ever = 0;
  std::uint64_t bytes_in = 0;
  std::uint64_t bytes_out = 0;
  std::uint64_t connect_errors = 0;
  std::string status;
  int type = 0;  // 0: frontend, 1: backend, 2: server
  std::string check;
};

std::string csv_line(const CsvRow& row) {
  std::array<std::string, kCsvColumns> cells;
  cells[0] = row.proxy;
  cells[1] = row.server;
  cells[2] = std::to_string(row.waiting);
  cells[4] = std::to_string(row.sessions);
  cells[7] = std::to_string(row.sessions_ever);
  cells[8] = std::to_string(row.bytes_in);
  cells[9] = std::to_string(row.bytes_out);
  cells[13] = std::to_string(row.connect_errors);
  cells[17] = row.status;
  cells[32] = std::to_string(row.type);
  cells[36] = row.check;
  std::string line;
  for (const std::string& cell : cells)
    line.append(cell).append(",");
  return line + "\n";
}

std::string csv_of_port(const RouterStatus& status, Purpose purpose) {
  const std::string proxy = purpose == Purpose::Write ? "primary" : "standbys";
  const PortTally& port = status.tally.port(purpose);
  CsvRow frontend{.proxy = proxy,
                  .server = "FRONTEND",
                  .sessions = value_of(port.open_now) + value_of(port.held_now),
                  .sessions_ever = value_of(port.accepted),
                  .status = "OPEN"};
  CsvRow backend{.proxy = proxy,
                 .server = "BACKEND",
                 .waiting = value_of(port.held_now),
                 .sessions = value_of(port.open_now),
                 .status = "DOWN",
                 .type = 1};
  std::string servers;
  for (std::size_t place = 0; place < status.tallies.size(); ++place) {
    const ServerTally& tally = *status.tallies[place];
    const LegTally& leg = tally.leg(purpose);
    const bool is_up = takes(status, place, purpose);
    if (is_up) backend.status = "UP";
    const CsvRow row{.proxy = proxy,
                     .server = tally.name,
                     .sessions = value_of(leg.open_now),
                     .sessions_ever = value_of(leg.opened),
                     .bytes_in = value_of(leg.from_clients_bytes),
                     .bytes_out = value_of(leg.to_clients_bytes),
                     .connect_errors = value_of(tally.failures),
                     .status = is_up ? "UP" : "DOWN",
                     .type = 2,
                     .check = is_up ? "L7OK" : "L7STS"};
    for (CsvRow* sum : {&frontend, &backend}) {
      sum->bytes_in += row.bytes_in;
      sum->bytes_out += row.bytes_out;
    }
    backend.sessions_ever += row.sessions_ever;
    servers += csv_line(row);
  }
  return csv_line(frontend) + servers + csv_line(backend);
}

// ---- the page ----------------------------------------------------------------------------------

std::string escaped(const std::string& text) {
  std::string made;
  for (const char c : text) {
    if (c == '<') {
      made += "&lt;";
    } else if (c == '>') {
      made += "&gt;";
    } else if (c == '&') {
      made += "&amp;";
    } else if (c == '"') {
      made += "&quot;";
    } else {
      made += c;
    }
  }
  return made;
}

constexpr const char* kPageHead = R"(<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta http-equiv="refresh" content="2">
<meta name="viewport" content="width=device-width, initial-scale=1"><title>pgherd router</title>
<style>
:root { color-scheme: light dark; font-family: system-ui, sans-serif; }
body { margin: 1.5rem auto; max-width: 64rem; padding: 0 1rem; line-height: 1.4; }
table { border-collapse: collapse; width: 100%; margin: .5rem 0 1.5rem; }
th, td { text-align: left; padding: .3rem .6rem; border-bottom: 1px solid #8884; }
td.n, th.n { text-align: right; font-variant-numeric: tabular-nums; }
.wide { overflow-x: auto; } .good { color: #17803d; } .bad { color: #b42318; } .dim { opacity: .7; }
@media (prefers-color-scheme: dark) { .good { color: #4ade80; } .bad { color: #f87171; } }
</style></head><body>
)";

std::string page_summary(const RouterStatus& status) {
  const Routes& routes = status.routes;
  std::string text = fmt::format("<h1>{}</h1>\n<p>", escaped(status.scope));
  if (routes.primary) {
    text += fmt::format("Writes go to <b class=\"good\">{}</b>.",
                        escaped(routes.servers[*routes.primary].name));
  } else {
    text += fmt::format(
        "<b class=\"bad\">No primary</b>: {}.",
        escaped(routes.is_known ? routes.why_no_primary : "the store has not told yet who is who"));
  }
  text += fmt::format(" The store was heard {} ms ago{}. Up for {} s.</p>\n",
                      milliseconds(status.store_seen_ago),
                      status.store_is_silent ? " <b class=\"bad\">and is silent</b>" : "",
                      milliseconds(status.up_for) / 1000);
  return text;
}

std::string page_servers(const RouterStatus& status) {
  std::string text =
      "<h2>Servers</h2><div class=\"wide\"><table><tr><th>Server<th>Address<th>Role<th>State"
      "<th class=\"n\">Timeline<th class=\"n\">Lag<th>Takes<th class=\"n\">Sessions"
      "<th class=\"n\">Answers</tr>\n";
  for (std::size_t place = 0; place < status.routes.servers.size(); ++place) {
    const Server& server = status.routes.servers[place];
    const ServerTally& tally = *status.tallies[place];
    std::string what = takes(status, place, Purpose::Write) ? "<b class=\"good\">writes</b>" : "";
    if (server.takes_reads) what = "<span class=\"good\">reads</span>";
    if (what.empty()) {
      what = fmt::format("<span class=\"dim\">nothing: {}</span>", escaped(server.why_no_reads));
    }
    const auto answers = value_of(tally.legs[0].answers) + value_of(tally.legs[1].answers);
    text += fmt::format(
        "<tr><td>{}<td>{}:{}<td>{}<td>{}<td class=\"n\">{}<td class=\"n\">{} B, {} ms<td>{}"
        "<td class=\"n\">{}<td class=\"n\">{}</tr>\n",
        escaped(server.name), escaped(server.address.host), escaped(server.address.port),
        role_text(server), state_text(server), server.timeline.value, server.lag_bytes,
        server.lag_time.count(), what, tally.sessions(), answers);
  }
  return text + "</table></div>\n";
}

std::string page_ports(const RouterStatus& status) {
  std::string text =
      "<h2>Clients</h2><div class=\"wide\"><table><tr><th>Port<th class=\"n\">Accepted"
      "<th class=\"n\">Sessions<th class=\"n\">Waiting<th class=\"n\">Had to wait"
      "<th class=\"n\">In vain<th class=\"n\">Moved<th class=\"n\">Cut<th class=\"n\">Lost</tr>\n";
  for (const Purpose purpose : kPurposes) {
    if (!is_served(status, purpose)) continue;
    const PortTally& port = status.tally.port(purpose);
    text += fmt::format("<tr><td>{}", purpose == Purpose::Write ? "writes" : "reads");
    for (const Count* count : {&port.accepted, &port.open_now, &port.held_now, &port.held,
                               &port.refused, &port.moved, &port.cut, &port.lost}) {
      text += fmt::format("<td class=\"n\">{}", value_of(*count));
    }
    text += "</tr>\n";
  }
  return text + "</table></div>\n";
}

std::string page_events(const RouterStatus& status) {
  std::string text = "<h2>Events</h2><table>\n";
  for (const RouterEvent& event : status.events) {
    text += fmt::format("<tr><td class=\"dim\">{}<td>{}</tr>\n", format_time(event.at),
                        escaped(event.text));
  }
  return text + "</table></body></html>\n";
}

}  // namespace

std::string status_json(const RouterStatus& status) {
  const Routes& routes = status.routes;
  Json json{{"scope", status.scope},
            {"up_seconds", static_cast<double>(milliseconds(status.up_for)) / 1000},
            {"store",
             {{"seen_milliseconds_ago", milliseconds(status.store_seen_ago)},
              {"is_silent", status.store_is_silent}}},
            {"leader", routes.leader},
            {"primary", nullptr},
            {"servers", Json::array()}};
  if (routes.primary) {
    json["primary"] = routes.servers[*routes.primary].name;
  } else {
    json["why_no_primary"] = routes.why_no_primary;
  }
  for (std::size_t place = 0; place < routes.servers.size(); ++place)
    json["servers"].push_back(server_json(status, place));
  for (const Purpose purpose : kPurposes) {
    if (is_served(status, purpose)) {
      json["ports"][word_of(purpose)] = port_json(status.tally.port(purpose));
    }
  }
  json["connections"] = {{"now", value_of(status.tally.connections_now)},
                         {"max", status.sessions_max},
                         {"foreign", value_of(status.tally.foreign)},
                         {"malformed", value_of(status.tally.malformed)},
                         {"startup_timeouts", value_of(status.tally.startup_timeouts)},
                         {"too_many", value_of(status.tally.too_many)},
                         {"cancels", value_of(status.tally.cancels)},
                         {"cancels_of_unknown_key", value_of(status.tally.cancels_of_unknown)}};
  json["events"] = Json::array();
  for (const RouterEvent& event : status.events)
    json["events"].push_back({{"at", format_time(event.at)}, {"text", event.text}});
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::string status_metrics(const RouterStatus& status) {
  Metrics metrics(status);
  metrics.family("pgherd_router_has_primary", "gauge", "1 if writes go somewhere.");
  metrics.value(status.routes.primary ? 1 : 0);
  metrics.family("pgherd_router_store_seen_seconds", "gauge",
                 "How long ago the store was heard last.");
  metrics.value(
      fmt::format("{:.3f}", static_cast<double>(milliseconds(status.store_seen_ago)) / 1000));
  add_ports(metrics, status);
  add_servers(metrics, status);
  metrics.family("pgherd_router_connections", "gauge", "Connections of clients.");
  metrics.value(value_of(status.tally.connections_now));
  const RouterTally& tally = status.tally;
  add_count(metrics, "pgherd_router_foreign_total", "Clients that spoke another protocol.",
            tally.foreign);
  add_count(metrics, "pgherd_router_malformed_total", "Clients whose first words were malformed.",
            tally.malformed);
  add_count(metrics, "pgherd_router_startup_timeouts_total",
            "Clients that did not say in time what they want.", tally.startup_timeouts);
  add_count(metrics, "pgherd_router_too_many_total", "Clients refused at a limit of the router.",
            tally.too_many);
  add_count(metrics, "pgherd_router_cancels_total", "Requests to cancel a statement.",
            tally.cancels);
  add_count(metrics, "pgherd_router_cancels_of_unknown_key_total",
            "Of those, for sessions of which this router does not know the key.",
            tally.cancels_of_unknown);
  return metrics.take();
}

std::string status_csv(const RouterStatus& status) {
  std::string text = kCsvHeader;
  for (const Purpose purpose : kPurposes)
    if (is_served(status, purpose)) text += csv_of_port(status, purpose);
  return text;
}

std::string status_page(const RouterStatus& status) {
  return kPageHead + page_summary(status) + page_servers(status) + page_ports(status) +
         page_events(status);
}

}  // namespace pgherd::router
