#include "postgres/local/filling_command.h"

#include <gtest/gtest.h>

namespace pgherd {
namespace {

using Words = std::vector<std::string>;

TEST(ArgumentsOfACommand, ThatMakesACopyAreItsOwnBeforeTheStandardOnes) {
  FillingCommand command{.words = {"restore"}, .arguments = {{"retries", "2"}, {"empty", ""}}};
  EXPECT_EQ(replica_arguments(command, "main", "/data", "host=a user=b"),
            (Words{"--retries=2", "--empty=", "--scope=main", "--role=replica", "--datadir=/data",
                   "--connstring=host=a user=b"}));
  command.no_params = true;
  EXPECT_EQ(replica_arguments(command, "main", "/data", "host=a"),
            (Words{"--retries=2", "--empty="}));
}

TEST(ArgumentsOfACommand, ThatMakesAClusterAreTheStandardOnesBeforeItsOwn) {
  FillingCommand command{.words = {"restore"}, .arguments = {{"stanza", "s"}}};
  EXPECT_EQ(bootstrap_arguments(command, "main", "/data"),
            (Words{"--scope=main", "--datadir=/data", "--stanza=s"}));
  command.no_params = true;
  EXPECT_EQ(bootstrap_arguments(command, "main", "/data"), (Words{"--stanza=s"}));
}

}  // namespace
}  // namespace pgherd
