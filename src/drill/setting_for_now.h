// SettingForNow: a key of the dynamic configuration has another value for the time of a drill.
#pragma once

#include <string>

#include "drill/actions.h"

namespace pgherd::drill {

class SettingForNow {
 public:
  // Writes it and waits until the leader's agent goes by it. DrillError if that does not come
  // about.
  SettingForNow(const Drilled& drilled, const ctl::Cluster& cluster, std::string key,
                const std::string& json_value);
  // Puts the value back, and says how an operator does it where the store does not take it.
  ~SettingForNow();
  SettingForNow(const SettingForNow&) = delete;
  SettingForNow& operator=(const SettingForNow&) = delete;

 private:
  void write(const std::string& json_value);
  void await_leader(const ctl::Cluster& cluster, const std::string& json_value);

  const Drilled& drilled_;
  std::string key_;
  std::string before_;  // JSON; "null": the key was not there
};

}  // namespace pgherd::drill
