#include "router/scram.h"

#include <gtest/gtest.h>

namespace pgherd::router::test {
namespace {

// RFC 7677, section 3: user "user", password "pencil".
constexpr const char* kServerFirst =
    "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";
constexpr const char* kWithoutProof = "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
constexpr const char* kProof = "dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=";
// What PostgreSQL stores of "pencil" with that salt.
constexpr const char* kVerifier =
    "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:"
    "wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=";

void append(std::string& text, std::uint32_t number) {
  for (const unsigned shift : {24U, 16U, 8U, 0U})
    text += static_cast<char>((number >> shift) & 0xFFU);
}

std::string asked(std::uint32_t code, const std::string& rest) {
  std::string body;
  append(body, code);
  return body + rest;
}

pgwire::LoginTranscript login_of_rfc() {
  pgwire::LoginTranscript login;
  login.server_asks(asked(10, std::string("SCRAM-SHA-256\0\0", 15)));
  const std::string first = "n,,n=user,r=rOprNGfwEbeRWgbNEkqO";
  std::string answer("SCRAM-SHA-256\0", 14);
  append(answer, static_cast<std::uint32_t>(first.size()));
  login.client_answers(answer + first);
  login.server_asks(asked(11, kServerFirst));
  login.client_answers(std::string(kWithoutProof) + ",p=" + kProof);
  return login;
}

TEST(Scram, OfAPasswordAnswersAsTheRfcDoes) {
  // The RFC's client says its name, which PostgreSQL's do not: the proof is another one.
  ScramClient client(Password{"pencil"}, "rOprNGfwEbeRWgbNEkqO");
  EXPECT_EQ(client.first(), "n,,n=,r=rOprNGfwEbeRWgbNEkqO");
  const auto last = client.final_for(kServerFirst);
  ASSERT_TRUE(last);
  EXPECT_TRUE(last->starts_with(std::string(kWithoutProof) + ",p="));
}

TEST(Scram, OfAKeyFromAnEarlierLoginAnswersAsThePasswordDoes) {
  const auto verifier = read_verifier(kVerifier);
  ASSERT_TRUE(verifier);
  const auto secret = secret_of(login_of_rfc(), *verifier);
  ASSERT_TRUE(secret);
  ScramClient with_key(*secret, "another");
  ScramClient with_password(Password{"pencil"}, "another");
  const std::string first = "r=anotherX,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";
  EXPECT_EQ(with_key.final_for(first), with_password.final_for(first));
}

TEST(Scram, KnowsAServerThatKnowsThePassword) {
  const auto verifier = read_verifier(kVerifier);
  ASSERT_TRUE(verifier);
  ScramClient client(*secret_of(login_of_rfc(), *verifier), "x");
  EXPECT_FALSE(client.is_server_right("v=")) << "nothing was said yet";
  ASSERT_TRUE(client.final_for("r=xy,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"));
  EXPECT_FALSE(client.is_server_right("v="));
  EXPECT_FALSE(client.is_server_right("v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="));
}

TEST(Scram, GivesNoKeyForAnotherPassword) {
  auto verifier = std::get<ScramVerifier>(*read_verifier(kVerifier));
  verifier.stored_key[0] = static_cast<char>(verifier.stored_key[0] ^ 1);
  EXPECT_FALSE(secret_of(login_of_rfc(), verifier));
  EXPECT_FALSE(secret_of(login_of_rfc(), Md5Verifier{.digits = std::string(32, '0')}));
}

TEST(Scram, TakesNoAnswerOfSomebodyElse) {
  ScramClient client(Password{"pencil"}, "mine");
  for (const char* answer :
       {"", "r=yours1,s=c2FsdA==,i=4096", "r=mine,s=c2FsdA==,i=4096", "r=mine1,s=c2FsdA==,i=0",
        "r=mine1,s=c2FsdA==,i=99999999999", "r=mine1,s=?,i=4096", "r=mine1,i=4096,s=c2FsdA=="}) {
    EXPECT_FALSE(client.final_for(answer)) << answer;
  }
  EXPECT_FALSE(ScramClient(NoSecret{}, "mine").final_for("r=mine1,s=c2FsdA==,i=1"));
}

TEST(Scram, ReadsWhatPostgresqlStores) {
  EXPECT_EQ(std::get<ScramVerifier>(*read_verifier(kVerifier)).iterations, 4096);
  EXPECT_EQ(*read_verifier("md5a3556571e93b0d20722ba62be61e8c2d"),
            Verifier(Md5Verifier{.digits = "a3556571e93b0d20722ba62be61e8c2d"}));
  for (const char* text : {"", "md5", "plain", "SCRAM-SHA-256$", "SCRAM-SHA-256$4096:c2FsdA==$a:b",
                           "SCRAM-SHA-256$x:c2FsdA==$a:b", "SCRAM-SHA-256$1$2:3"}) {
    EXPECT_FALSE(read_verifier(text)) << text;
  }
}

TEST(Md5, OfAKnownDigestAnswersAsThePasswordDoes) {
  const std::string salt("\1\2\3\4");
  const auto by_password = md5_response(Password{"secret"}, "ann", salt);
  ASSERT_TRUE(by_password);
  pgwire::LoginTranscript login;
  login.server_asks(asked(5, salt));
  login.client_answers(*by_password + '\0');
  const Md5Verifier verifier{.digits = "9d792a3a8853c2411afb9163d088c036"};  // md5("secretann")
  const auto secret = secret_of(login, verifier);
  ASSERT_TRUE(secret);
  EXPECT_EQ(md5_response(*secret, "ann", "abcd"), md5_response(Password{"secret"}, "ann", "abcd"));
  EXPECT_FALSE(secret_of(login, Md5Verifier{.digits = std::string(32, '0')})) << "another password";
}

TEST(Nonces, AreNew) {
  EXPECT_NE(new_nonce(), new_nonce());
  EXPECT_EQ(new_nonce().size(), 24U);
}

}  // namespace
}  // namespace pgherd::router::test
