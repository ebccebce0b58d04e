#pragma once
/// Golden tests of messages: what `conf::load` finds in a file, as "line:column+length severity: message".
///
///     CHECK(found_in(in_backend("retry 1k;")) == messages{"2:7+2 error: 'retry' takes a whole number ..."});
#include <string>
#include <string_view>
#include <vector>

#include "conf/load.hpp"
#include "tests/support/catch.hpp"

namespace weir::conf::golden {

using messages = std::vector<std::string>;

/// No file of the machine is read: there is one with a text, and all others cannot be had.
inline reading<std::string> read_file(const std::string& path, std::size_t) {
    if (path == "/sorry") return "sorry";
    if (path == "/empty") return "";
    return std::unexpected{std::string{"it is a directory"}};
}

inline messages found_in(const std::string& text) {
    messages out;
    for (const auto& each : load("proxy.conf", text, {.cores = 2, .read_file = read_file}).found) {
        constexpr std::string_view words[] = {" error: ", " warning: ", " note: "};
        out.push_back(std::to_string(each.where.at.line) + ":" + std::to_string(each.where.at.column) + "+" +
                      std::to_string(each.where.length));
        out.back().append(words[static_cast<int>(each.level)]).append(each.message);
    }
    return out;
}

// The snippet under test and around it what makes a sound whole. It starts on the second line, at the top on the first.
inline const std::string web = "\nbackend web { server a:1; }\n";
inline std::string in_top(const std::string& it) { return it + "\nlisten 1 { route / web; }" + web; }
inline std::string in_listen(const std::string& it) { return "listen 1 { route / web;\n" + it + "\n}" + web; }
inline std::string in_bare(const std::string& it) { return "listen 1 {\n" + it + "\n}" + web; }
inline std::string in_route(const std::string& it) { return "listen 1 { route / web {\n" + it + "\n} }" + web; }
inline std::string in_goal(const std::string& it) { return "listen 1 { route / {\n" + it + "\n} }" + web; }
inline std::string in_backend(const std::string& it) {
    return "listen 1 { route / web; } backend web { server a:1;\n" + it + "\n}";
}
inline std::string in_alone(const std::string& it) { return "listen 1 { route / web; } backend web {\n" + it + "\n}"; }
inline std::string in_tcp(const std::string& it) {
    return "listen 1 { protocol tcp; default_backend web;\n" + it + "\n}" + web;
}

}  // namespace weir::conf::golden
