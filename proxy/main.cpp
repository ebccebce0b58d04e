/// weir: a resilient TCP and HTTP reverse proxy. This file only finds out what is asked for; process.hpp does it.
#include <csignal>
#include <cstdio>
#include <fstream>
#include <optional>
#include <sstream>
#include <string>

#include "conf/load.hpp"
#include "lib/async/wall_clock.hpp"
#include "proxy/options.hpp"
#include "proxy/process.hpp"
#include "proxy/system.hpp"
#include "proxy/tls_contexts.hpp"
#include "proxy/version.hpp"

namespace {

using namespace weir;

void say(std::FILE* to, std::string_view text) { std::fwrite(text.data(), 1, text.size(), to); }

std::optional<std::string> read_file(const std::string& path) {
    std::ifstream file{path, std::ios::binary};
    if (!file) return std::nullopt;
    std::ostringstream text;
    text << file.rdbuf();
    if (file.bad()) return std::nullopt;
    return std::move(text).str();
}

struct source {
    std::string name, text;
};

/// The file that was named, or the first default that is there.
std::optional<source> find_configuration(const std::string& named) {
    const std::string defaults[] = {"proxy.conf", "/etc/weir/proxy.conf"};
    if (!named.empty()) {
        if (auto text = read_file(named)) return source{named, std::move(*text)};
        say(stderr, "weir: cannot read " + named + "\n");
        return std::nullopt;
    }
    for (const auto& each : defaults)
        if (auto text = read_file(each)) return source{each, std::move(*text)};
    say(stderr, "weir: no configuration: neither proxy.conf nor /etc/weir/proxy.conf can be read; name one with -f\n");
    return std::nullopt;
}

struct configuration {
    source from;
    conf::config settings;
};

/// The configuration, or nothing after its errors were printed.
std::optional<configuration> load(const std::string& named) {
    auto file = find_configuration(named);
    if (!file) return std::nullopt;
    conf::environment machine;
    machine.cores = usable_cores();
    auto loaded = conf::load(file->name, file->text, machine);
    say(stderr, conf::render(loaded.found, file->text));
    if (!loaded.value) return std::nullopt;
    return configuration{std::move(*file), std::move(*loaded.value)};
}

/// What its TLS files hold, likewise.
std::optional<tls_contexts> load_tls_of(const configuration& config) {
    const auto now = wall_clock();
    conf::diagnostics problems{config.from.name};
    auto made = load_tls(config.settings, make_ticket_keys(config.settings, now), now, problems);
    const bool usable = !problems.has_errors();
    say(stderr, conf::render(problems.take(), config.from.text));
    if (!usable) return std::nullopt;
    return made;
}

int send_signal(const conf::config& config, const std::string& what) {
    if (config.pid_file.empty()) {
        say(stderr, "weir: -s needs a pid_file in the configuration\n");
        return 2;
    }
    const auto pid = read_pid(config.pid_file);
    if (!pid) {
        say(stderr, "weir: " + pid.error() + "\n");
        return 1;
    }
    // To stop takes two orders. Two different signals, for the kernel would make one of two equal ones that are close together.
    const bool sent = what == "reload" ? ::kill(*pid, SIGHUP) == 0
                                       : ::kill(*pid, SIGTERM) == 0 && (what == "drain" || ::kill(*pid, SIGQUIT) == 0);
    if (sent) return 0;
    std::perror("weir: cannot signal the running one");
    return 1;
}

}  // namespace

int main(int argc, char** argv) {
    const auto chosen = parse_options(argc, argv);
    if (!chosen) {
        say(stderr, "weir: " + chosen.error() + "\n");
        return 2;
    }
    switch (chosen->what) {
    case options::action::help: say(stdout, usage()); return 0;
    case options::action::version: say(stdout, version_line()); return 0;
    case options::action::versions: say(stdout, version_lines()); return 0;
    default: break;
    }
    const auto config = load(chosen->file);
    if (!config) return 2;
    if (chosen->what == options::action::print) return say(stdout, conf::dump(config->settings)), 0;
    if (chosen->what == options::action::signal) return send_signal(config->settings, chosen->signal);
    auto tls = load_tls_of(*config);
    if (!tls) return 2;
    if (chosen->what == options::action::check) return say(stdout, "the configuration is valid\n"), 0;
    return run_process(config->settings, std::move(*tls));
}
