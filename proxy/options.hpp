#pragma once
/// The command line.
///
///     weir [-f FILE] [-c | -T | -s SIGNAL]      weir -v | -V | -h
#include <expected>
#include <string>

namespace weir {

struct options {
    enum class action { run, check, print, signal, version, versions, help };
    action what = action::run;
    std::string file;    // empty: ./proxy.conf, then /etc/weir/proxy.conf
    std::string signal;  // reload, drain or stop
};

/// The error is a line for the user.
std::expected<options, std::string> parse_options(int argc, const char* const* argv);

/// What -h prints.
std::string usage();

}  // namespace weir
