#include "proxy/options.hpp"

#include <algorithm>
#include <iterator>
#include <string_view>

namespace weir {

std::string usage() {
    return "usage: weir [-f FILE]              run (default: ./proxy.conf, then /etc/weir/proxy.conf)\n"
           "       weir -c [-f FILE]           check the file, report every error (-t is the same)\n"
           "       weir -T [-f FILE]           print the effective configuration, every default filled in\n"
           "       weir -s reload|drain|stop [-f FILE]  signal the running one (needs pid_file)\n"
           "       weir -v | -V | -h           version, versions of the libraries, this text\n"
           "exit status: 0 all went well, 1 could not start, 2 bad configuration or command line,\n"
           "             4 connections were cut when the drain deadline had passed\n";
}

std::expected<options, std::string> parse_options(int argc, const char* const* argv) {
    options chosen;
    bool decided = false;
    const auto decide = [&](options::action what) {
        const bool first = !decided;
        decided = true;
        chosen.what = what;
        return first;
    };
    for (int i = 1; i < argc; ++i) {
        const std::string_view word = argv[i];
        const auto value = [&]() -> const char* { return i + 1 < argc ? argv[++i] : nullptr; };
        bool alone = true;
        if (word == "-f") {
            const auto* file = value();
            if (!file) return std::unexpected{"-f needs the name of a file"};
            chosen.file = file;
        } else if (word == "-c" || word == "-t") {
            alone = decide(options::action::check);
            if (i + 1 < argc && argv[i + 1][0] != '-')
                return std::unexpected{"-c checks the configuration; name the file with -f: weir -c -f " +
                                       std::string{argv[i + 1]}};
        } else if (word == "-T") {
            alone = decide(options::action::print);
        } else if (word == "-s") {
            alone = decide(options::action::signal);
            const auto* name = value();
            constexpr std::string_view known[] = {"reload", "drain", "stop"};
            if (!name || std::ranges::find(known, name) == std::end(known))
                return std::unexpected{"-s needs a signal: reload, drain or stop"};
            chosen.signal = name;
        } else if (word == "-v" || word == "--version") {
            alone = decide(options::action::version);
        } else if (word == "-V") {
            alone = decide(options::action::versions);
        } else if (word == "-h" || word == "--help") {
            alone = decide(options::action::help);
        } else {
            return std::unexpected{"unknown argument '" + std::string{word} + "'; weir -h shows what there is"};
        }
        if (!alone) return std::unexpected{"'" + std::string{word} + "' and an earlier argument exclude each other"};
    }
    return chosen;
}

}  // namespace weir
