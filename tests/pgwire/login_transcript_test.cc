#include "pgwire/login_transcript.h"

#include <gtest/gtest.h>

#include "wire.h"

namespace pgherd::pgwire::test {
namespace {

using namespace std::string_literals;

using Method = LoginTranscript::Method;

std::string sasl_initial(std::string_view mechanism, std::string_view data) {
  return std::string(mechanism) + '\0' + u32(static_cast<std::uint32_t>(data.size())) +
         std::string(data);
}

TEST(LoginTranscript, KeepsWhatScramSigns) {
  LoginTranscript login;
  login.server_asks(u32(10) + "SCRAM-SHA-256\0\0"s);
  login.client_answers(sasl_initial("SCRAM-SHA-256", "n,,n=,r=abc"));
  login.server_asks(u32(11) + "r=abcdef,s=c2FsdA==,i=4096");
  login.client_answers("c=biws,r=abcdef,p=cHJvb2Y=");
  login.server_asks(u32(12) + "v=c2ln");
  login.server_asks(u32(0));
  EXPECT_EQ(login.method(), Method::Scram);
  EXPECT_EQ(login.scram(), (ScramTranscript{.client_first_bare = "n=,r=abc",
                                            .server_first = "r=abcdef,s=c2FsdA==,i=4096",
                                            .client_final_without_proof = "c=biws,r=abcdef",
                                            .proof = "cHJvb2Y="}));
}

TEST(LoginTranscript, KeepsAnMd5Response) {
  LoginTranscript login;
  login.server_asks(u32(5) + "salt");
  login.client_answers("md5abc\0"s);
  login.server_asks(u32(0));
  EXPECT_EQ(login.method(), Method::Md5);
  EXPECT_EQ(login.md5(), (Md5Transcript{.salt = "salt", .response = "md5abc"}));
}

TEST(LoginTranscript, OfATrustedClientIsEmpty) {
  LoginTranscript login;
  login.server_asks(u32(0));
  EXPECT_EQ(login.method(), Method::None);
}

TEST(LoginTranscript, KeepsNoPasswordInClearText) {
  LoginTranscript login;
  login.server_asks(u32(3));
  login.client_answers("secret\0"s);
  EXPECT_EQ(login.method(), Method::Other);
  EXPECT_EQ(login.md5(), Md5Transcript{});
  EXPECT_EQ(login.scram(), ScramTranscript{});
}

TEST(LoginTranscript, TakesWhatMakesNoSenseForAnotherMethod) {
  for (const std::string& answer :
       {""s, "SCRAM-SHA-256"s, "GS2-KRB5\0....n,,n=,r=a"s, "SCRAM-SHA-256\0....n"s}) {
    LoginTranscript login;
    login.server_asks(u32(10) + "SCRAM-SHA-256\0\0"s);
    login.client_answers(answer);
    EXPECT_EQ(login.method(), Method::Other) << answer;
  }
  LoginTranscript login;
  login.server_asks("R");
  EXPECT_EQ(login.method(), Method::Other);
}

}  // namespace
}  // namespace pgherd::pgwire::test
