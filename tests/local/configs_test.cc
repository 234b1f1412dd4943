#include "local/configs.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "local/errors.h"

namespace pgherd::local {
namespace {

const Secrets kSecrets{.superuser = "super-pw",
                       .replication = "repl-pw",
                       .rewind = "rewind-pw",
                       .rest = "rest-pw",
                       .statistics = "stats-pw"};

Herd a_herd(int nodes = 4) {
  HerdOptions options;
  options.nodes = nodes;
  options.ttl = 7;
  return plan_herd("/some dir/it's", options,
                   {.pg_bindir = "/pg/bin", .etcd = "/e", .haproxy = "/h", .pgherd = "/bin/pgherd"},
                   plan_ports(std::nullopt, nodes));
}

bool has(const std::string& text, const std::string& piece) {
  return text.find(piece) != std::string::npos;
}

TEST(HerdPlan, everything_starts_below_what_it_needs) {
  std::vector<std::string> names;
  for (const auto& part : a_herd().parts)
    names.push_back(part.name);
  EXPECT_EQ(names, (std::vector<std::string>{"etcd0", "etcd1", "etcd2", "proxy", "pg0", "pg1",
                                             "pg2", "pg3", "haproxy"}));
}

Herd a_herd_with_a_router() {
  HerdOptions options;
  options.balancer = BalancerKind::Router;
  return plan_herd("/some dir/it's", options,
                   {.pg_bindir = "/pg/bin", .etcd = "/e", .pgherd = "/bin/pgherd"},
                   plan_ports(std::nullopt, options.nodes));
}

TEST(HerdPlan, the_router_stands_where_haproxy_stood) {
  const Herd herd = a_herd_with_a_router();
  EXPECT_EQ(a_herd().balancer(), BalancerKind::Haproxy);
  EXPECT_EQ(herd.balancer(), BalancerKind::Router);
  EXPECT_EQ(herd.find("haproxy"), nullptr);
  EXPECT_EQ(herd.find("router")->ports, a_herd().find("haproxy")->ports);
  EXPECT_EQ(herd.find("router")->argv,
            (std::vector<std::string>{"/bin/pgherd", "router", "/some dir/it's/router.yml"}));
}

TEST(RouterConfigFile, names_the_three_ports_and_the_store) {
  const std::string text = router_config(a_herd_with_a_router(), kSecrets);
  EXPECT_TRUE(has(text, "  write: \"127.0.0.1:5432\"\n"));
  EXPECT_TRUE(has(text, "  read: \"127.0.0.1:5433\"\n"));
  EXPECT_TRUE(has(text, "    listen: \"127.0.0.1:8080\"\n"));
  EXPECT_TRUE(has(text, "hosts: [\"127.0.0.1:2379\", \"127.0.0.1:12379\""));
  EXPECT_TRUE(has(text, "    password: \"stats-pw\"\n"));
}

TEST(AgentConfigFile, names_the_node_its_ports_and_its_folder_quoted) {
  const Herd herd = a_herd();
  const std::string text = agent_config(herd, *herd.find("pg2"), kSecrets);
  EXPECT_TRUE(has(text, "name: pg2\n"));
  EXPECT_TRUE(has(text, "  listen: \"127.0.0.1:8010\"\n"));
  EXPECT_TRUE(has(text, "  listen: \"127.0.0.1:15434\"\n"));
  EXPECT_TRUE(has(text, "  data_dir: \"/some dir/it's/pg2/data\"\n"));
  EXPECT_TRUE(has(text, "    ttl: 7\n"));
  EXPECT_TRUE(has(text, "      password: \"repl-pw\"\n"));
  EXPECT_FALSE(has(text, "{"));
}

TEST(AgentConfigFile, a_folder_of_any_name_stays_a_text) {
  const Herd herd =
      plan_herd("/a \"b\"\\\n#c", {}, {.pg_bindir = "/pg/bin", .etcd = "/e", .haproxy = "/h"},
                plan_ports(std::nullopt, HerdOptions{}.nodes));
  EXPECT_TRUE(has(agent_config(herd, *herd.find("pg2"), kSecrets),
                  "  data_dir: \"/a \\\"b\\\"\\\\\\n#c/pg2/data\"\n"));
}

TEST(AgentConfigFile, etcd_is_reached_through_the_proxy_and_without_it) {
  const Herd herd = a_herd();
  EXPECT_TRUE(has(agent_config(herd, *herd.find("pg0"), kSecrets),
                  "hosts: [\"127.0.0.1:2379\", \"127.0.0.1:12379\""));
}

TEST(HaproxyConfigFile, each_node_is_checked_by_its_rest_api_with_the_password) {
  const std::string text = haproxy_config(a_herd(2), kSecrets);
  EXPECT_TRUE(has(text, "bind 127.0.0.1:5432\n"));
  EXPECT_TRUE(has(text, "server pg1 127.0.0.1:15433 check port 8009\n"));
  EXPECT_TRUE(has(text, "Authorization \"Basic aGVyZDpyZXN0LXB3\""));
  EXPECT_FALSE(has(text, "@"));
}

TEST(ConnectionStrings, survive_folders_with_blanks_and_quotes) {
  EXPECT_EQ(write_dsn(a_herd()),
            "host=127.0.0.1 port=5432 user=postgres dbname=postgres "
            "passfile='/some dir/it\\'s/pgpass'");
  EXPECT_TRUE(has(read_dsn(a_herd()), "port=5433 "));
}

TEST(Templates, unknown_names_are_refused_and_lone_signs_kept) {
  EXPECT_EQ(fill_template("a@b @X@ c@", {{"X", "1@2"}}), "a@b 1@2 c@");
  EXPECT_THROW((void)fill_template("@NO@", {}), LocalError);
}

}  // namespace
}  // namespace pgherd::local
