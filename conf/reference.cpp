#include <algorithm>

#include "conf/load.hpp"
#include "conf/schema.hpp"

namespace weir::conf {
namespace {

void heading(std::string& out, std::string_view text) {
    out.append("\n# ")
        .append(text.size(), '-')
        .append("\n# ")
        .append(text)
        .append("\n# ")
        .append(text.size(), '-')
        .append("\n");
}

/// Comment lines of at most 118 characters; the first starts at `indent`, the others a little further in.
void paragraph(std::string& out, std::string_view text, std::size_t indent) {
    constexpr std::size_t widest = 118;
    std::string line = "#" + std::string(indent, ' ');
    bool first = true;
    while (!text.empty()) {
        const auto word = text.substr(0, text.find(' '));
        if (!first && line.size() + 1 + word.size() > widest) {
            out.append(line).append("\n");
            line = "#" + std::string(indent + 4, ' ');
            first = true;
        }
        line.append(first ? "" : " ").append(word);
        first = false;
        text.remove_prefix(std::min(text.size(), word.size() + 1));
    }
    out.append(line).append("\n");
}

std::string in_quotes_if_needed(std::string_view text) {
    return text.contains(' ') ? "\"" + std::string{text} + "\"" : std::string{text};
}

/// What stands for a value that has no default.
std::string_view placeholder(const argument& of) {
    switch (of.what) {
    case kind::number: return "N";
    case kind::duration: return "TIME";
    case kind::size: return "SIZE";
    case kind::host: return "HOST";
    case kind::shaped: return "VALUE";
    case kind::file: return "FILE";
    default: return "LIST";
    }
}

/// `access_log stdout format=text queue=8192;`: the directive as its defaults would write it.
std::string sample(const directive& of) {
    std::string out{of.name};
    for (const auto& each : of.plain) {
        const auto shown = each.fallback.empty() ? std::string{each.name} : in_quotes_if_needed(each.fallback);
        out.append(each.optional ? " [" : " ").append(shown).append(each.optional ? "]" : "");
    }
    for (const auto& each : of.keyed) {
        const bool fixed = !each.fallback.empty();
        out.append(fixed ? " " : " [")
            .append(each.name)
            .append("=")
            .append(fixed ? in_quotes_if_needed(each.fallback) : std::string{placeholder(each)})
            .append(fixed ? "" : "]");
    }
    switch (of.has_block) {
    case block::never: out += ";"; break;
    case block::may: out += of.plain.empty() ? "; or " + out + " { ... }" : "; or { ... }"; break;
    case block::must: out += " { ... }"; break;
    }
    return out;
}

/// "queue: lines that may wait (a whole number from 1 to 1048576; default 8192)"
std::string explained(const argument& of) {
    auto out = std::string{of.name} + ": ";
    if (!of.why.empty()) out.append(of.why).append(" (");
    out.append(expectation(of));
    const auto fallback = of.fallback.empty() ? std::string{of.fallback_words} : in_quotes_if_needed(of.fallback);
    if (!fallback.empty()) out.append("; default: ").append(fallback);
    if (of.http_only) out.append("; http only");
    return out.append(of.why.empty() ? "" : ")");
}

void describe(std::string& out, const directive& of) {
    out.append("#\n# ").append(sample(of)).append("\n");
    paragraph(out, std::string{of.why} + (of.http_only ? " (http only)" : ""), 5);
    for (const auto& each : of.plain) paragraph(out, explained(each), 9);
    for (const auto& each : of.keyed) paragraph(out, explained(each), 9);
}

}  // namespace

std::string reference() {
    constexpr std::pair<scope, std::string_view> parts[] = {
        {scope::top, "At the top of the file"},
        {scope::listen, "In listen ADDRESS { ... }"},
        {scope::listen_tls, "In tls { ... } of a listener"},
        {scope::route, "In route PREFIX [BACKEND] { ... }"},
        {scope::backend, "In backend NAME { ... }"},
        {scope::backend_tls, "In tls { ... } of a backend"},
    };
    std::string out;
    for (const auto& [where, title] : parts) {
        heading(out, title);
        for (const auto& each : schema())
            if (each.where == where) describe(out, each);
    }
    return out;
}

}  // namespace weir::conf
