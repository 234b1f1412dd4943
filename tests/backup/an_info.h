// What `pgbackrest --output=json info` of 2.55.1 printed for a small repository, and stanzas made
// of it.
#pragma once

#include <gtest/gtest.h>

#include <string>

#include "backup/repository.h"

namespace pgherd::backup::test {

inline const std::string kInfo =
    R"([{"archive":[{"database":{"id":1,"repo-key":1},"id":"17-1","max":"000000010000000000000004",)"
    R"("min":"000000010000000000000001"}],"backup":[{"archive":{"start":"000000010000000000000002",)"
    R"("stop":"000000010000000000000002"},"backrest":{"format":5,"version":"2.55.1"},"database":{"id":1,)"
    R"("repo-key":1},"error":false,"info":{"delta":23422171,"repository":{"delta":3014365,"size":3014365},)"
    R"("size":23422171},"label":"20261130-100046F","lsn":{"start":"0/2000028","stop":"0/2000120"},)"
    R"("prior":null,"reference":null,"timestamp":{"start":1796032846,"stop":1796032853},"type":"full"},)"
    R"({"archive":{"start":"000000010000000000000003","stop":"000000010000000000000004"},"backrest":)"
    R"({"format":5,"version":"2.55.1"},"database":{"id":1,"repo-key":1},"error":false,"info":{"delta":8450,)"
    R"("repository":{"delta":403,"size":3014362},"size":23422171},"label":)"
    R"("20261130-100046F_20261130-100053I","lsn":{"start":"0/3000028","stop":"0/4000050"},"prior":)"
    R"("20261130-100046F","reference":["20261130-100046F"],"timestamp":{"start":1796032853,)"
    R"("stop":1796032855},"type":"incr"}],"cipher":"none","db":[{"id":1,"repo-key":1,"system-id":)"
    R"(7713902317489373219,"version":"17"}],"name":"main","repo":[{"cipher":"none","key":1,"status":)"
    R"({"code":0,"message":"ok"}}],"status":{"code":0,"lock":{"backup":{"held":false}},"message":"ok"}}])";

inline std::string replaced(std::string text, const std::string& old, const std::string& by) {
  const auto at = text.find(old);
  EXPECT_NE(at, text.npos) << old;
  return at == text.npos ? text : text.replace(at, old.size(), by);
}

inline Stanza a_stanza(const std::string& info = kInfo) {
  auto stanzas = parse_info(info);
  EXPECT_TRUE(stanzas) << (stanzas ? "" : stanzas.error());
  return stanzas && !stanzas->empty() ? std::move(stanzas->front()) : Stanza{};
}

}  // namespace pgherd::backup::test
