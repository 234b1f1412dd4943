// Logical slots on a standby: copied as files from the primary, since a standby cannot make one
// that stands where the primary's does (Patroni postgresql/slots.py, copy_logical_slots).
#include <fmt/core.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <filesystem>

#include "postgres/local/act_context.h"
#include "postgres/local/server_settings.h"
#include "runtime/files.h"
#include "runtime/log.h"

namespace pgherd {
namespace {

namespace asio = boost::asio;
namespace fs = std::filesystem;

constexpr Duration kConnectLimit = 5s;
constexpr Duration kAnswerLimit = 10s;

struct SlotFile {
  std::string name;
  std::string state;  // the content of pg_replslot/<name>/state
  Lsn restart_lsn;
};

tl::unexpected<Failure> file_failure(std::string_view what, const std::string& path) {
  return failed(fmt::format("cannot {} {}: {}", what, path, std::strerror(errno)));
}

std::string bytes_of_hex(std::string_view hex) {
  std::string bytes;
  bytes.reserve(hex.size() / 2);
  for (std::size_t at = 0; at + 1 < hex.size(); at += 2) {
    unsigned value = 0;
    std::from_chars(hex.data() + at, hex.data() + at + 2, value, 16);
    bytes.push_back(static_cast<char>(value));
  }
  return bytes;
}

std::string names_as_sql(const std::vector<WantedSlot>& slots) {
  std::string text;
  for (const WantedSlot& slot : slots)
    text += (text.empty() ? "" : ", ") + quote_sql_literal(slot.name);
  return text;
}

// Slots that PostgreSQL 17 itself keeps in step are none of ours.
std::string question(const std::vector<WantedSlot>& slots, int server_version) {
  return fmt::format(
      "select slot_name, d.datname, plugin, restart_lsn, "
      "encode(pg_read_binary_file('pg_replslot/' || slot_name || '/state'), 'hex') "
      "from pg_get_replication_slots() s join pg_database d on d.oid = s.datoid "
      "where not pg_is_in_recovery() and slot_type = 'logical' and not temporary{} "
      "and restart_lsn is not null and slot_name in ({})",
      server_version >= 170000 ? " and not failover" : "", names_as_sql(slots));
}

bool is_wanted(const Row& row, const std::vector<WantedSlot>& slots) {
  const auto found = std::find_if(slots.begin(), slots.end(),
                                  [&](const WantedSlot& slot) { return slot.name == row[0]; });
  if (found == slots.end()) return false;
  if (found->database == row[1] && found->plugin == row[2]) return true;
  log_warning(
      "the logical slot {} is not copied: the configuration says database {} and plugin {}, the "
      "primary's has {} and {}",
      found->name, found->database, found->plugin, row[1].value_or(""), row[2].value_or(""));
  return false;
}

asio::awaitable<Answer<std::vector<SlotFile>>> read_from_primary(ActContext& context,
                                                                 CopySlots step) {
  const auto config = context.config;
  const Credentials& who = rewind_login(*config);
  ConnInfo info = tool_conninfo(*config, who, step.source, config->database);
  info.set_if_any("password", who.password);
  info.remove("passfile");
  info.set("application_name", "pgherd slots");
  PgSession session(context.loop);
  const auto describe = [&](const QueryError& error) {
    return failed(fmt::format("cannot read the logical slots of {} ({}:{}) as {}: {}",
                              step.source.name, step.source.host, step.source.port, who.username,
                              error.text));
  };
  const auto connected = co_await session.connect(std::move(info), kConnectLimit);
  if (!connected) co_return describe(connected.error());
  const auto answer =
      co_await session.query(question(step.slots, session.server_version()), kAnswerLimit);
  if (!answer) co_return describe(answer.error());
  std::vector<SlotFile> files;
  for (const Row& row : answer->front()) {
    if (!is_wanted(row, step.slots)) continue;
    SlotFile file;
    file.name = row[0].value_or("");
    file.restart_lsn = parse_lsn(row[3].value_or("")).value_or(Lsn{});
    file.state = bytes_of_hex(row[4].value_or(""));
    files.push_back(std::move(file));
  }
  if (files.empty())
    co_return failed(fmt::format("{} has none of the logical slots yet that are to be copied: {}",
                                 step.source.name, names_as_sql(step.slots)));
  co_return files;
}

// A slot is of use only where the WAL is from which it has to go on: without it every attempt would
// cost a restart for nothing. Segments are compared by their numbers; timelines may differ.
asio::awaitable<Attempt> keep_what_can_go_on(ActContext& context, ActControl& control,
                                             std::vector<SlotFile>& files) {
  const auto answer = co_await ask_local(
      context, control,
      "select min(substr(name, 9)), pg_size_bytes(current_setting('wal_segment_size')) "
      "from pg_ls_waldir() where name ~ '^[0-9A-F]{24}$'",
      kAnswerLimit);
  if (!answer) co_return failed("cannot list the WAL that is here: " + answer.error().text);
  const Row& row = answer->front().front();
  const std::string oldest = row[0].value_or("");
  const std::string size_text = row[1].value_or("");
  std::uint64_t size = 0;
  std::from_chars(size_text.data(), size_text.data() + size_text.size(), size);
  if (oldest.empty() || size == 0) co_return failed("there is no WAL here to go on from");
  const auto is_gone = [&](const SlotFile& file) {
    const std::uint64_t position = file.restart_lsn.bytes;
    const std::string segment =
        fmt::format("{:08X}{:08X}", position >> 32U, (position & 0xFFFFFFFFU) / size);
    return segment < oldest;
  };
  std::string gone;
  for (const SlotFile& file : files)
    if (is_gone(file)) gone += " " + file.name;
  std::erase_if(files, is_gone);
  if (!files.empty()) co_return Attempt{};
  co_return failed("the WAL from which a copied slot would have to go on is not here any more:" +
                   gone);
}

// PostgreSQL removes what ends in .tmp when it starts: a slot is there as a whole or not at all.
Attempt put_slot(const std::string& data_dir, const SlotFile& slot) {
  struct stat facts{};
  if (::stat(data_dir.c_str(), &facts) != 0) return file_failure("look at", data_dir);
  const mode_t group = (facts.st_mode & S_IRGRP) != 0 ? S_IRGRP : 0;
  const std::string place = data_dir + "/pg_replslot/" + slot.name;
  const std::string made = place + ".tmp";
  std::error_code error;
  fs::remove_all(made, error);
  if (::mkdir(made.c_str(), 0700) != 0) return file_failure("make", made);
  if (group != 0 && ::chmod(made.c_str(), 0750) != 0) return file_failure("set the mode of", made);
  if (auto written = write_file_atomically(made + "/state", slot.state, 0600 | group); !written)
    return failed(written.error().text);
  fs::remove_all(place, error);
  if (::rename(made.c_str(), place.c_str()) != 0) return file_failure("rename to " + place, made);
  if (auto synced = sync_directory(data_dir + "/pg_replslot"); !synced)
    return failed(synced.error().text);
  return {};
}

std::string names_of(const std::vector<SlotFile>& files) {
  std::string text;
  for (const SlotFile& file : files)
    text += (text.empty() ? "" : ", ") + file.name;
  return text;
}

// With such a slot PostgreSQL refuses to start on less.
bool starts_with_logical_wal(const ActContext& context) {
  const ParameterMap parameters = server_parameters(*context.config, context.scope, nullptr);
  const auto found = parameters.find("wal_level");
  return found != parameters.end() && found->second == "logical";
}

}  // namespace

Act act_copy_slots(ActContext& context, ActControl& control, CopySlots step) {
  if (context.postmaster->look() != ProcessState::Running)
    co_return failed("PostgreSQL is not running: logical slots are copied to a standby that runs");
  if (!starts_with_logical_wal(context))
    co_return failed("logical slots need wal_level logical in the dynamic configuration");
  auto read = co_await read_from_primary(context, step);
  if (!read) co_return tl::unexpected(read.error());
  std::vector<SlotFile> files = std::move(*read);
  if (auto kept = co_await keep_what_can_go_on(context, control, files); !kept)
    co_return tl::unexpected(kept.error());
  log_info("copying the logical slots {} from {}: PostgreSQL is restarted", names_of(files),
           step.source.name);
  auto at_rest = [files, data_dir = context.config->data_dir] {
    Attempt put;
    for (const SlotFile& file : files)
      if (put) put = put_slot(data_dir, file);
    return put;
  };
  if (auto put = co_await restart_standby(context, control, std::move(at_rest)); !put)
    co_return tl::unexpected(put.error());
  co_return fmt::format("copied the logical slots {} from {}", names_of(files), step.source.name);
}

}  // namespace pgherd
