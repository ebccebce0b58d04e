#include <algorithm>

#include "conf/binding.hpp"
#include "conf/load.hpp"
#include "conf/schema.hpp"

namespace weir::conf {
namespace {

bool looks_keyed(std::string_view text) {
    const auto key = text.substr(0, text.find_first_not_of("abcdefghijklmnopqrstuvwxyz_"));
    return !key.empty() && key.size() < text.size() && text[key.size()] == '=';
}

std::string in_quotes(std::string_view text) {
    std::string out = "\"";
    for (char c : text) {
        if (c == '"' || c == '\\') out += '\\';
        if (c == '\n') out += "\\n";
        else out += c;
    }
    return out += '"';
}

/// As it must stand in a file: in quotes where a bare word would end early, or be taken for key=value.
std::string as_word(std::string_view text, bool may_be_keyed) {
    const bool bare = !text.empty() && text.find_first_of(" \t\n\r;{}\"#") == std::string_view::npos;
    return bare && !(may_be_keyed && looks_keyed(text)) ? std::string{text} : in_quotes(text);
}

class dumper {
public:
    explicit dumper(config& whole) : whole_{whole} {}
    void scope_of(scope where, target what, std::size_t indent);
    std::string out;

private:
    void one(const directive& of, target what, std::size_t indent);

    config& whole_;
};

bool is_tcp(target what) { return what.listener && what.listener->protocol == http_protocol::tcp; }

bool shown(const argument& of, target what) { return !(of.http_only && is_tcp(what)) && (!of.shown || of.shown(what)); }

void dumper::scope_of(scope where, target what, std::size_t indent) {
    for (const auto& each : schema()) {
        if (each.where != where || (each.http_only && is_tcp(what))) continue;
        if (!each.makes.add) {
            one(each, what, indent);
            continue;
        }
        for (std::size_t i = 0; i < each.makes.count(what); ++i) one(each, each.makes.at(what, i), indent);
    }
}

void dumper::one(const directive& of, target what, std::size_t indent) {
    const auto is_shown = [&](const argument& each) { return shown(each, what); };
    const bool is_bare = of.plain.empty() && of.keyed.empty();
    if (!of.plain.empty() ? !is_shown(of.plain.front()) : !is_bare && std::ranges::none_of(of.keyed, is_shown)) return;
    if (of.has_block == block::must && of.where == scope::top) out += '\n';
    out.append(indent, ' ').append(of.name);
    for (const auto& each : of.plain)
        if (shown(each, what)) out.append(" ").append(as_word(print(each, each.in(what), whole_), !of.keyed.empty()));
    for (const auto& each : of.keyed)
        if (shown(each, what))
            out.append(" ").append(each.name).append("=").append(as_word(print(each, each.in(what), whole_), false));
    if (of.has_block == block::never) {
        out += ";\n";
        return;
    }
    out += " {\n";
    scope_of(of.opens, what, indent + 4);
    out.append(indent, ' ').append("}\n");
}

}  // namespace

std::string dump(const config& whole) {
    auto copy = whole;  // the table's fields are for reading and writing alike
    dumper made{copy};
    made.scope_of(scope::top, target{.whole = &copy}, 0);
    return std::move(made.out);
}

}  // namespace weir::conf
