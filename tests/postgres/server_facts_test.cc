// The rules of a server that is taken over, as PostgreSQL reads them.
#include "postgres/local/server_facts.h"

#include <gtest/gtest.h>

namespace pgherd {
namespace {

using Lines = std::vector<std::string>;

TEST(RulesOfAServer, AreTakenWithoutComments) {
  EXPECT_EQ(
      hba_lines("# TYPE DATABASE\n\nlocal all all peer\n  host all all all md5 # all\nnone\n"),
      (Lines{"local all all peer", "host all all all md5 # all"}));
  EXPECT_EQ(ident_lines("# MAP\n\n  herd root postgres\r\n"), (Lines{"herd root postgres"}));
}

TEST(RulesOfAServer, ThatGoOnInTheNextLineAreOne) {
  EXPECT_EQ(hba_lines("host all \\\n  app,\\\nreports \\\r\n 10.0.0.0/8 md5\nlocal all all peer\n"),
            (Lines{"host all   app,reports  10.0.0.0/8 md5", "local all all peer"}));
  EXPECT_EQ(ident_lines("herd \\\n root \\\n postgres\nherd app app\n"),
            (Lines{"herd  root  postgres", "herd app app"}));
}

TEST(RulesOfAServer, MayBePartOfACommentThatGoesOn) {
  EXPECT_EQ(hba_lines("# no longer: \\\nhost all all all trust\nlocal all all peer\\"),
            (Lines{"local all all peer"}));
  EXPECT_EQ(ident_lines("# no longer: \\\nherd root postgres\n"), Lines{});
}

}  // namespace
}  // namespace pgherd
