// Telling the service manager how far we are, for a unit with `Type=notify` (systemd's
// sd_notify(3) describes the protocol: datagrams to the socket that NOTIFY_SOCKET names). Without
// that variable nothing is told. One thread.
#pragma once

#include <string>

namespace pgherd {

class ServiceManager {
 public:
  // Reads NOTIFY_SOCKET and takes it out of the environment: children must not speak for us.
  ServiceManager();

  void tell_ready();
  // To be followed by tell_ready(), whatever came of the reload.
  void tell_reloading();
  void tell_stopping();

 private:
  // What cannot be sent is lost: nobody waits for the service manager.
  void send(const std::string& state) const;

  std::string socket_;  // "": nobody listens
};

}  // namespace pgherd
