#include "ctl/command_line.h"

#include <fmt/format.h>
#include <unistd.h>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <memory>
#include <utility>

#include "ctl/commands.h"
#include "ctl/completion.h"
#include "ctl/errors.h"

namespace pgherd::ctl {
namespace {

using Text = std::optional<std::string>;
using Texts = std::vector<std::string>;

constexpr const char* kAbout =
    "Looks at PostgreSQL clusters that pgherd (or Patroni) keeps, and tells them what to do.\n"
    "\n"
    "Without a configuration file the PATRONI_* environment variables count; the configuration "
    "file\n"
    "of an agent can be used as it is. A command that fails, also because a member refuses it,\n"
    "exits with 1; wrong usage exits with 2.";

constexpr const char* kGlobalNote =
    "The options -c, -d and -k of the tool may also stand here, unless the command uses the "
    "letter.";

// One command under construction: its CLI11 half, and where its values go.
class Command {
 public:
  Command(CLI::App& tool, Invocation& invocation, const char* name, const char* about)
      : app_(*tool.add_subcommand(name, about)), invocation_(invocation) {
    app_.fallthrough();
    app_.footer(kGlobalNote);
    // Known to patronictl; hidden, and answered, so that a script learns why.
    app_.add_option_function<int>("--group", refuse_group)->group("");
  }

  // [CLUSTER_NAME], which the configuration's `scope` can stand in for.
  Command& cluster(Text& to) {
    app_.add_option("CLUSTER_NAME", to,
                    "Name of the cluster; default: `scope` of the configuration");
    return *this;
  }
  Command& names(const char* what, Texts& to, const char* about) {
    app_.add_option(what, to, about);
    return *this;
  }
  Command& flag(const char* names, bool& to, const char* about) {
    app_.add_flag(names, to, about);
    return *this;
  }
  template <typename T>
  Command& option(const char* names, T& to, const char* about, const char* unit = "TEXT") {
    app_.add_option(names, to, about)->type_name(unit)->take_last();
    return *this;
  }
  // A file that is there; `shown` is how the usage names the option.
  Command& readable_file(const char* names, const char* shown, Text& to, const char* about) {
    const auto set = [&to, shown](const std::string& path) {
      if (const auto fault = fault_of_file(path)) {
        throw CLI::ValidationError(
            fmt::format("Invalid value for {}: '{}': {}", shown, path, *fault));
      }
      to = path;
    };
    app_.add_option_function<std::string>(names, set, about)->type_name("FILE")->take_last();
    return *this;
  }
  // May be given several times, with one value each.
  Command& repeated(const char* names, Texts& to, const char* about, const char* unit) {
    app_.add_option(names, to, about)->type_name(unit)->allow_extra_args(false);
    return *this;
  }
  Command& force(bool& to) {
    return flag("--force", to, "Do not ask for confirmation at any point");
  }
  Command& format(const char* names, Format& to) {
    const auto set = [&to](const std::string& text) { to = parse_format(text).value(); };
    app_.add_option_function<std::string>(names, set, "Output format")
        ->check(CLI::IsMember({"pretty", "tsv", "json", "yaml", "yml"}))
        ->type_name("")
        ->take_last();
    return *this;
  }
  Command& role(std::optional<RoleFilter>& to, const char* about) {
    const auto set = [&to](const std::string& text) { to = parse_role_filter(text); };
    app_.add_option_function<std::string>("-r,--role", set, about)
        ->check(CLI::IsMember({"leader", "primary", "standby-leader", "replica", "standby", "any"}))
        ->type_name("")
        ->take_last();
    return *this;
  }
  Command& watch(WatchOptions& to) {
    flag("-W", to.is_on, "Show again every 2 seconds, until Ctrl-C");
    app_.add_option("-w,--watch", to.seconds, "Show again every so many seconds, until Ctrl-C")
        ->check(is_interval)
        ->type_name("SECONDS")
        ->take_last();
    return *this;
  }

  void runs(std::function<int(CtlContext&)> run) {
    app_.final_callback(
        [this_run = std::move(run), &invocation = invocation_] { invocation.run = this_run; });
  }
  CLI::App& app() { return app_; }

 private:
  static std::string is_interval(const std::string& text) {
    double seconds = 0;
    if (CLI::detail::lexical_cast(text, seconds) && seconds > 0) return {};
    return "'" + text + "' is not a number of seconds above 0";
  }
  // Why a file cannot be read, if so; "-" is stdin.
  static std::optional<std::string> fault_of_file(const std::string& path) {
    if (path == "-") return std::nullopt;
    if (std::filesystem::is_directory(path)) return std::strerror(EISDIR);
    if (access(path.c_str(), R_OK) != 0) return std::strerror(errno);
    return std::nullopt;
  }
  static void refuse_group(const int&) {
    throw CtlError("--group: Citus clusters are not supported by pgherd");
  }

  CLI::App& app_;
  Invocation& invocation_;
};

// CLI11 shows what an option may be as "{pretty,tsv}".
std::vector<std::string> choices_of(const CLI::Option& option) {
  const std::string type = option.get_type_name();
  const auto begin = type.find('{');
  const auto end = type.find('}');
  if (begin == std::string::npos || end == std::string::npos) return {};
  return CLI::detail::split(type.substr(begin + 1, end - begin - 1), ',');
}

std::vector<OptionWords> options_of(const CLI::App& app) {
  std::vector<OptionWords> found;
  for (const CLI::Option* option : app.get_options()) {
    if (option->get_positional() || option->get_group().empty()) continue;
    OptionWords words;
    for (const std::string& name : option->get_snames())
      words.names.push_back("-" + name);
    for (const std::string& name : option->get_lnames())
      words.names.push_back("--" + name);
    words.about = option->get_description();
    words.takes_value = option->get_type_size_max() > 0;
    words.takes_file = option->get_type_name().starts_with("FILE");
    words.choices = choices_of(*option);
    found.push_back(std::move(words));
  }
  return found;
}

ToolWords words_of_tool(const CLI::App& tool) {
  ToolWords words{.options = options_of(tool), .commands = {}};
  for (const CLI::App* command : tool.get_subcommands([](const CLI::App*) { return true; })) {
    words.commands.push_back({.name = command->get_name(),
                              .about = command->get_description(),
                              .options = options_of(*command)});
  }
  return words;
}

// The options of a command live as long as the command that was made of them.
template <typename Options>
using Shared = std::shared_ptr<Options>;

class Builder {
 public:
  Builder(CLI::App& tool, Invocation& invocation, std::string program)
      : tool_(tool), invocation_(invocation), program_(std::move(program)) {}

  void add_all() {
    add_list("list", "List the members of clusters", MemberLayout::List);
    add_list("topology", "Show who replicates from whom, as a tree", MemberLayout::Topology);
    add_doctor();
    add_switchover();
    add_failover();
    add_restart();
    add_reload();
    add_reinit();
    add_pause("pause", "Suspend automatic failover (maintenance mode)", pause);
    add_pause("resume", "Take up automatic failover again", resume);
    add_demote_cluster();
    add_promote_cluster();
    add_show_config();
    add_edit_config();
    add_history();
    add_dsn();
    add_query();
    add_flush();
    add_remove();
    add_version();
    add_completion();
  }

 private:
  Command command(const char* name, const char* about) {
    return Command(tool_, invocation_, name, about);
  }

  void add_list(const char* name, const char* about, MemberLayout layout) {
    auto options = std::make_shared<ListOptions>();
    options->layout = layout;
    Command made = command(name, about);
    made.names("CLUSTER_NAMES", options->clusters,
               "Names of clusters; default: `scope` of the configuration");
    if (layout == MemberLayout::List) {
      made.flag("-e,--extended", options->is_extended, "Show all columns, also empty ones")
          .flag("-t,--timestamp", options->with_timestamp, "Print the time first")
          .format("-f,--format", options->format);
    }
    made.watch(options->watch).runs([options](CtlContext& context) {
      return list_members(context, *options);
    });
  }

  void add_doctor() {
    auto options = std::make_shared<DoctorOptions>();
    command("doctor", "Say what is wrong with a cluster, and what to do; 1 if there is a problem")
        .cluster(options->cluster)
        .flag("--hosts", options->with_hosts,
              "Also what the hosts could give better: open files, memory, huge pages")
        .format("-f,--format", options->format)
        .runs([options](CtlContext& context) { return doctor(context, *options); });
  }

  void add_switchover() {
    auto options = std::make_shared<HandoverOptions>();
    command("switchover", "Let another member become the leader of a healthy cluster")
        .cluster(options->cluster)
        .option("--leader,--primary", options->leader, "The present leader, as a safeguard", "NAME")
        .option("--candidate", options->candidate, "The member to be promoted; default: the best",
                "NAME")
        .option(
            "--scheduled", options->scheduled,
            "When, e.g. 2027-08-01T03:00+02:00 or 03:00, in local time without a zone; or `now`",
            "TIME")
        .force(options->force)
        .runs([options](CtlContext& context) { return switchover(context, *options); });
  }

  void add_failover() {
    auto options = std::make_shared<HandoverOptions>();
    command("failover",
            "Promote a certain member, also without a leader; data may be lost if it lags")
        .cluster(options->cluster)
        .option("--candidate", options->candidate, "The member to be promoted", "NAME")
        .force(options->force)
        .runs([options](CtlContext& context) { return failover(context, *options); });
  }

  void add_restart() {
    auto options = std::make_shared<RestartOptions>();
    command("restart", "Restart PostgreSQL of members; roles stay")
        .cluster(options->cluster)
        .names("MEMBER_NAMES", options->members, "Names of members; default: all of the role")
        .role(options->role, "Restart only members with this role")
        .flag("--any", options->any_one, "Restart a single member, whichever")
        .option(
            "--scheduled", options->scheduled,
            "When, e.g. 2027-08-01T03:00+02:00 or 03:00, in local time without a zone; or `now`",
            "TIME")
        .option("--pg-version", options->pg_version,
                "Restart only where PostgreSQL is older than this", "VERSION")
        .flag("--pending", options->only_pending, "Restart only where a restart is pending")
        .option("--timeout", options->timeout,
                "How long a member may take to start before it counts as failed", "TIME")
        .force(options->force)
        .runs([options](CtlContext& context) { return restart(context, *options); });
  }

  void add_reload() {
    auto options = std::make_shared<MembersOptions>();
    command("reload", "Let agents read their local configuration again")
        .cluster(options->cluster)
        .names("MEMBER_NAMES", options->members, "Names of members; default: all of the role")
        .role(options->role, "Reload only members with this role")
        .force(options->force)
        .runs([options](CtlContext& context) { return reload(context, *options); });
  }

  void add_reinit() {
    auto options = std::make_shared<ReinitOptions>();
    command("reinit", "Throw away a replica's data and copy it afresh")
        .cluster(options->cluster)
        .names("MEMBER_NAMES", options->members, "Names of members")
        .flag("--from-leader", options->from_leader, "Copy from the leader, not from a replica")
        .flag("--wait", options->wait, "Wait until the copies are complete")
        .force(options->force)
        .runs([options](CtlContext& context) { return reinit(context, *options); });
  }

  void add_pause(const char* name, const char* about,
                 int (*act)(CtlContext&, const PauseOptions&)) {
    auto options = std::make_shared<PauseOptions>();
    command(name, about)
        .cluster(options->cluster)
        .flag("--wait", options->wait, "Wait until all members have noticed")
        .runs([options, act](CtlContext& context) { return act(context, *options); });
  }

  void add_demote_cluster() {
    auto options = std::make_shared<DemoteClusterOptions>();
    Command made = command("demote-cluster", "Make the cluster a standby of another one");
    made.cluster(options->cluster)
        .option("--host", options->host, "Where the other cluster's primary is", "HOST")
        .option("--restore-command", options->restore_command,
                "How to get WAL out of the other cluster's archive", "COMMAND")
        .option("--primary-slot-name", options->primary_slot_name,
                "The replication slot on the other cluster's primary", "NAME")
        .force(options->force)
        .runs([options](CtlContext& context) { return demote_cluster(context, *options); });
    made.app()
        .add_option("--port", options->port, "The port of the other cluster's primary")
        ->check(CLI::Range(1, 65535))
        ->type_name("PORT")
        ->take_last();
  }

  void add_promote_cluster() {
    auto options = std::make_shared<PromoteClusterOptions>();
    command("promote-cluster", "Make a standby cluster one of its own again")
        .cluster(options->cluster)
        .force(options->force)
        .runs([options](CtlContext& context) { return promote_cluster(context, *options); });
  }

  void add_show_config() {
    auto cluster = std::make_shared<Text>();
    command("show-config", "Print the dynamic configuration")
        .cluster(*cluster)
        .runs([cluster](CtlContext& context) { return show_config(context, *cluster); });
  }

  void add_edit_config() {
    auto options = std::make_shared<EditConfigOptions>();
    command("edit-config", "Change the dynamic configuration; without options in $EDITOR")
        .cluster(options->cluster)
        .repeated("-s,--set", options->set,
                  "Set a value (a.b=V), or remove it (a.b=null); may be repeated", "KEY=VALUE")
        .repeated("-p,--pg", options->pg, "The same below postgresql.parameters; may be repeated",
                  "NAME=VALUE")
        .option("--apply", options->apply_file, "Merge this YAML file; - is stdin", "FILE")
        .option("--replace", options->replace_file,
                "Put this YAML file in the place of everything; - is stdin", "FILE")
        .flag("-q,--quiet", options->is_quiet, "Do not show the changes")
        .force(options->force)
        .runs([options](CtlContext& context) { return edit_config(context, *options); });
  }

  void add_history() {
    auto options = std::make_shared<HistoryOptions>();
    command("history", "Show past failovers and switchovers")
        .cluster(options->cluster)
        .format("-f,--format", options->format)
        .runs([options](CtlContext& context) { return history(context, *options); });
  }

  void add_dsn() {
    auto options = std::make_shared<OneMemberOptions>();
    command("dsn", "Print where to connect: host and port of a member")
        .cluster(options->cluster)
        .role(options->role, "Of any member with this role; default: leader")
        .option("-m,--member", options->member, "Of this member", "NAME")
        .runs([options](CtlContext& context) { return dsn(context, *options); });
  }

  void add_query() {
    auto options = std::make_shared<QueryOptions>();
    command("query", "Run SQL on a member")
        .cluster(options->member.cluster)
        .role(options->member.role, "On any member with this role; default: leader")
        .option("-m,--member", options->member.member, "On this member", "NAME")
        .option("-c,--command", options->command, "The SQL", "SQL")
        .readable_file("-f,--file", "'--file' / '-f'", options->file,
                       "A file with the SQL; - is stdin")
        .option("-U,--username", options->username, "The database user", "NAME")
        .option("-d,--dbname", options->database, "The database; default: the user's name", "NAME")
        .flag("--password", options->asks_password, "Ask for the password")
        .format("--format", options->format)
        .option("--delimiter", options->delimiter, "What divides columns in tsv", "TEXT")
        .watch(options->watch)
        .runs([options](CtlContext& context) { return query(context, *options); });
  }

  void add_flush() {
    auto options = std::make_shared<FlushOptions>();
    auto words = std::make_shared<Texts>();
    Command made = command("flush", "Discard a scheduled restart or switchover");
    made.cluster(options->members.cluster)
        .names("WORDS", *words, "[MEMBER_NAMES...] and then what to discard: restart or switchover")
        .role(options->members.role, "Discard only of members with this role")
        .force(options->members.force)
        .runs([options](CtlContext& context) { return flush(context, *options); });
    made.app().parse_complete_callback([options, words] {
      // Without the cluster's name the first word is a member's, or already the last.
      if (words->empty() && options->members.cluster) {
        words->push_back(*std::exchange(options->members.cluster, std::nullopt));
      }
      if (words->empty() || (words->back() != "restart" && words->back() != "switchover")) {
        throw CLI::ValidationError("the last word must be `restart` or `switchover`");
      }
      options->target = words->back() == "restart" ? FlushTarget::Restart : FlushTarget::Switchover;
      options->members.members.assign(words->begin(), words->end() - 1);
    });
  }

  void add_remove() {
    auto options = std::make_shared<RemoveOptions>();
    command("remove", "Delete everything the store knows of a cluster; data directories stay")
        .cluster(options->cluster)
        .format("-f,--format", options->format)
        .runs([options](CtlContext& context) { return remove_cluster(context, *options); });
  }

  void add_version() {
    auto options = std::make_shared<VersionOptions>();
    options->program = program_;
    Command made = command("version", "Print the versions of this tool and of a cluster's members");
    made.app().add_option("CLUSTER_NAME", options->cluster, "Ask the members of this cluster too");
    made.names("MEMBER_NAMES", options->members, "Ask only these members");
    made.app().final_callback([options, &invocation = invocation_] {
      if (options->cluster) {
        invocation.run = [options](CtlContext& context) { return version(context, *options); };
      } else {
        invocation.run_alone = [options](Console& console) {
          return print_version(console, options->program);
        };
      }
    });
  }

  void add_completion() {
    auto shell = std::make_shared<std::string>();
    Command made =
        command("completion", "Print a script by which a shell completes these commands");
    made.app()
        .add_option("SHELL", *shell,
                    "bash, zsh or fish; for bash: eval \"$(patronictl completion bash)\"")
        ->required()
        ->check(CLI::IsMember({"bash", "zsh", "fish"}));
    made.app().final_callback([shell, &tool = tool_, &invocation = invocation_] {
      // The tool is gone when the command runs.
      invocation.run_alone =
          [script = completion_script(*shell, words_of_tool(tool))](Console& console) {
            console.print(script);
            return 0;
          };
    });
  }

  CLI::App& tool_;
  Invocation& invocation_;
  std::string program_;
};

// "Usage: pgherd ctl list [OPTIONS] [CLUSTER_NAMES...]" of the command that was meant.
std::string usage_of(const CLI::App& tool, const std::string& program) {
  const auto commands = tool.get_subcommands();
  const CLI::App* meant = commands.empty() ? &tool : commands.back();
  const std::string name =
      commands.empty() ? program : program + " " + std::string(commands.back()->get_name());
  std::string usage =
      std::dynamic_pointer_cast<CLI::Formatter>(meant->get_formatter())->make_usage(meant, name);
  while (usage.ends_with('\n'))
    usage.pop_back();
  return usage + "\nTry '" + name + " --help' for help.\n\n";
}

}  // namespace

Invocation parse_command_line(const std::string& program, std::vector<std::string> arguments) {
  Invocation invocation;
  CLI::App tool(kAbout, program);
  tool.require_subcommand(1);
  tool.add_option("-c,--config-file", invocation.access.config_file,
                  "Configuration file; default: ~/.config/patroni/patronictl.yaml")
      ->envname("PATRONICTL_CONFIG_FILE")
      ->type_name("FILE")
      ->take_last();
  tool.add_option("-d,--dcs-url,--dcs", invocation.access.dcs_url,
                  "The store instead of the configured one: etcd3://HOST:PORT/NAMESPACE")
      ->envname("DCS_URL")
      ->type_name("URL")
      ->take_last();
  tool.add_flag("-k,--insecure", invocation.access.is_insecure,
                "Do not verify the certificates of the members' REST API");
  const auto set_table = [&invocation](const std::string& text) {
    invocation.access.table = text == "classic" ? TableStyle::Classic : TableStyle::Wide;
  };
  tool.add_option_function<std::string>(
          "--table", set_table,
          "Positions in tables: classic (one lag, as Patroni 4.0) or wide (received and replayed); "
          "default: `ctl.table` of the configuration, else wide")
      ->check(CLI::IsMember({"classic", "wide"}))
      ->type_name("")
      ->take_last();
  Builder(tool, invocation, program).add_all();
  if (arguments.empty()) {
    invocation.help = tool.help();
    return invocation;
  }
  // CLI11 takes the words from the back.
  std::reverse(arguments.begin(), arguments.end());
  try {
    tool.parse(std::move(arguments));
  } catch (const CLI::CallForHelp&) {
    invocation.help = tool.help();
  } catch (const CLI::ParseError& error) {
    const bool has_command = !tool.get_subcommands().empty();
    const std::vector<std::string> strange = tool.remaining();
    throw UsageError(usage_of(tool, program) + "Error: " +
                     (has_command || strange.empty() ? std::string(error.what())
                                                     : "No such command or option: " + strange[0]));
  }
  return invocation;
}

}  // namespace pgherd::ctl
