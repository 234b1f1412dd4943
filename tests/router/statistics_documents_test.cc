#include "router/statistics_documents.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <sstream>

#include "routing/a_herd.h"
#include "routing/planner.h"

namespace pgherd::router {
namespace {

// A router before a herd of which "a" is the primary.
struct AStatus {
  Routes routes;
  RouterTally tally;
  std::vector<std::shared_ptr<ServerTally>> tallies;

  explicit AStatus(const test::AHerd& herd = test::a_herd())
      : routes(Planner({}).plan(herd.view, test::kNow, test::kWallNow)) {
    for (const Server& server : routes.servers)
      tallies.push_back(std::make_shared<ServerTally>(server.name));
  }
  [[nodiscard]] RouterStatus status() const {
    RouterStatus made{.scope = "main",
                      .sessions_max = 100,
                      .up_for = 5s,
                      .store_seen_ago = 20ms,
                      .routes = routes,
                      .tally = tally};
    made.tallies.assign(tallies.begin(), tallies.end());
    made.events = {{.at = WallTime{0}, .text = "writes go to <a>"}};
    return made;
  }
};

bool has(const std::string& text, const std::string& piece) {
  return text.find(piece) != std::string::npos;
}

TEST(StatusJson, SaysWhoTakesWhat) {
  AStatus herd;
  add(herd.tallies[1]->leg(Purpose::Read).open_now, 3);
  add(herd.tally.port(Purpose::Write).cut);
  const auto json = nlohmann::json::parse(status_json(herd.status()));
  EXPECT_EQ(json["primary"], "a");
  EXPECT_EQ(json["servers"][0]["takes_writes"], true);
  EXPECT_EQ(json["servers"][0]["why_no_reads"], "it leads");
  EXPECT_EQ(json["servers"][1]["takes_reads"], true);
  EXPECT_EQ(json["servers"][1]["sessions"]["read"]["now"], 3);
  EXPECT_EQ(json["ports"]["write"]["cut"], 1);
  EXPECT_EQ(json["store"]["seen_milliseconds_ago"], 20);
  EXPECT_EQ(json["events"][0]["text"], "writes go to <a>");
}

TEST(StatusJson, SaysWhyThereIsNoPrimary) {
  const AStatus herd(test::a_herd().nobody_leads());
  const auto json = nlohmann::json::parse(status_json(herd.status()));
  EXPECT_TRUE(json["primary"].is_null());
  EXPECT_EQ(json["why_no_primary"], "nobody leads the cluster at present");
}

// What reads HAProxy's statistics finds its columns.
TEST(StatusCsv, HasHaproxysColumns) {
  AStatus herd;
  add(herd.tallies[0]->leg(Purpose::Write).open_now, 4);
  add(herd.tallies[0]->leg(Purpose::Write).to_clients_bytes, 1000);
  std::map<std::string, std::vector<std::string>> rows;
  std::istringstream lines(status_csv(herd.status()));
  std::size_t columns = 0;
  for (std::string line; std::getline(lines, line);) {
    std::vector<std::string> cells;
    std::istringstream in(line);
    for (std::string cell; std::getline(in, cell, ',');)
      cells.push_back(cell);
    if (columns == 0) columns = cells.size();
    EXPECT_EQ(std::count(line.begin(), line.end(), ','), static_cast<std::ptrdiff_t>(columns));
    cells.resize(columns);
    rows[cells[0] + "/" + cells[1]] = cells;
  }
  const auto& header = rows["# pxname/svname"];
  const auto cell = [&](const std::string& row, const std::string& column) {
    const auto at = std::find(header.begin(), header.end(), column) - header.begin();
    return rows.at(row).at(static_cast<std::size_t>(at));
  };
  EXPECT_EQ(cell("primary/a", "status"), "UP");
  EXPECT_EQ(cell("primary/a", "check_status"), "L7OK");
  EXPECT_EQ(cell("primary/a", "scur"), "4");
  EXPECT_EQ(cell("primary/a", "bout"), "1000");
  EXPECT_EQ(cell("primary/b", "status"), "DOWN");
  EXPECT_EQ(cell("standbys/a", "status"), "DOWN");
  EXPECT_EQ(cell("standbys/b", "status"), "UP");
  EXPECT_EQ(cell("standbys/BACKEND", "status"), "UP");
  EXPECT_EQ(cell("primary/FRONTEND", "status"), "OPEN");
}

TEST(StatusMetrics, NamePortsAndServers) {
  AStatus herd;
  add(herd.tally.port(Purpose::Read).held_microseconds, 1500000);
  const std::string text = status_metrics(herd.status());
  EXPECT_TRUE(has(text, "\npgherd_router_has_primary{scope=\"main\"} 1\n"));
  EXPECT_TRUE(has(text, "\npgherd_router_takes{scope=\"main\",server=\"b\",port=\"read\"} 1\n"));
  EXPECT_TRUE(
      has(text, "\npgherd_router_held_seconds_total{scope=\"main\",port=\"read\"} 1.500000\n"));
}

TEST(StatusPage, LetsNoNameBecomeMarkup) {
  const std::string page = status_page(AStatus().status());
  EXPECT_TRUE(has(page, "writes go to &lt;a&gt;"));
  EXPECT_FALSE(has(page, "<a>"));
  EXPECT_TRUE(has(page, "Writes go to <b class=\"good\">a</b>"));
  EXPECT_FALSE(has(page, "http://")) << "nothing comes from elsewhere";
}

}  // namespace
}  // namespace pgherd::router
