#include "conf/http_words.hpp"

#include <algorithm>
#include <array>
#include <span>
#include <utility>

#include "conf/address.hpp"
#include "conf/diagnostic.hpp"
#include "conf/suggest.hpp"

namespace weir::conf {
namespace {

// In the order of text_template::variable, without `none`.
constexpr std::array<std::string_view, 13> variables = {"host",
                                                        "target",
                                                        "path",
                                                        "client_address",
                                                        "request_id",
                                                        "scheme",
                                                        "sni",
                                                        "tls_version",
                                                        "tls_cipher",
                                                        "client_certificate_verdict",
                                                        "client_certificate_subject",
                                                        "client_certificate_fingerprint",
                                                        "client_certificate_serial"};

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }
char upper(char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; }

bool is_alnum(char c) { return (c >= '0' && c <= '9') || (lower(c) >= 'a' && lower(c) <= 'z'); }
bool is_control(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }

/// Blanks, control characters and bytes beyond ASCII never stand in a request line.
bool all_plain(std::string_view text) {
    return std::ranges::all_of(text, [](char c) { return c > 0x20 && c < 0x7f; });
}

bool contains(std::span<const std::string_view> words, std::string_view word) {
    return std::ranges::find(words, word) != words.end();
}

std::string to_lower(std::string_view text) {
    std::string out{text};
    std::ranges::transform(out, out.begin(), lower);
    return out;
}

}  // namespace

std::string name_of(text_template::variable which) {
    return "$" + std::string{variables[static_cast<std::size_t>(which) - 1]};
}

bool is_token(std::string_view text) {
    return !text.empty() && std::ranges::all_of(text, [](char c) {
        return is_alnum(c) || std::string_view{"!#$%&'*+-.^_`|~"}.contains(c);
    });
}

std::string problem_of_header_name(std::string_view name) {
    if (!is_token(name)) return "a header name has letters, digits and -._ only";
    constexpr std::string_view ours[] = {"connection", "transfer-encoding", "content-length",   "upgrade",
                                         "te",         "keep-alive",        "proxy-connection", "trailer"};
    if (contains(ours, to_lower(name)))
        return "weir itself writes this header: it frames the message or the connection";
    return {};
}

std::string problem_of_header_value(std::string_view value) {
    if (std::ranges::any_of(value, [](char c) { return is_control(c) && c != '\t'; }))
        return "a header value may not hold a line feed or another control character";
    if (value.starts_with(' ') || value.ends_with(' ') || value.starts_with('\t') || value.ends_with('\t'))
        return "a header value neither starts nor ends with a blank";
    return {};
}

std::string problem_of_method(std::string_view method) {
    if (!is_token(method)) return "a method has letters, digits and -._ only";
    if (method == "CONNECT") return "weir refuses CONNECT";
    constexpr std::string_view known[] = {"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "TRACE", "PATCH"};
    std::string shout{method};
    std::ranges::transform(shout, shout.begin(), upper);
    if (shout != method && contains(known, shout)) return "methods are in upper case: " + shout;
    return {};
}

reading<std::string> read_host_pattern(std::string_view text) {
    auto pattern = to_lower(text);
    std::string_view name = pattern;
    if (name.starts_with('[') && name.ends_with(']') && is_ipv6(name.substr(1, name.size() - 2))) return pattern;
    if (name.starts_with("*.")) {
        if (is_host_name(name.substr(2))) return pattern;
    } else if (is_ipv4(name) || is_host_name(name)) {
        return pattern;
    }
    if (name.contains('*')) return std::unexpected{std::string{"'*' stands only for the first labels: *.example.com"}};
    if (name.contains(':')) return std::unexpected{std::string{"hosts are compared without their port"}};
    return std::unexpected{std::string{}};
}

std::string problem_of_host(std::string_view text) {
    auto name = text;
    const auto colon = text.rfind(':');
    if (colon != text.npos && !text.ends_with(']')) {
        const auto port = read_number(text.substr(colon + 1));
        if (!port || *port < 1 || *port > 65535) return "a port is a number from 1 to 65535";
        name = text.substr(0, colon);
    }
    const bool in_brackets = name.starts_with('[') && name.ends_with(']') && is_ipv6(name.substr(1, name.size() - 2));
    if (in_brackets || is_ipv4(name) || is_host_name(name)) return {};
    if (is_ipv6(text)) return "write an IPv6 address in brackets: [" + std::string{text} + "]";
    return quoted(name) + " is neither a host name nor an IP address";
}

std::string problem_of_request_path(std::string_view path) {
    if (!path.starts_with('/')) return "a path starts with '/'";
    if (!all_plain(path)) return "blanks and characters beyond ASCII are percent-encoded in a path";
    if (path.contains('#')) return "a fragment is never sent to a server";
    return {};
}

std::string problem_of_prefix(std::string_view prefix) {
    if (!prefix.starts_with('/')) return "a path starts with '/'";
    if (!all_plain(prefix)) return "blanks and characters beyond ASCII are percent-encoded in a path";
    if (prefix.contains('?') || prefix.contains('#')) return "only the path is compared, without query or fragment";
    return {};
}

std::string problem_of_url(std::string_view url) {
    if (!all_plain(url)) return "blanks and characters beyond ASCII are percent-encoded in a URL";
    for (std::string_view start : {"/", "http://", "https://", "$"})
        if (url.starts_with(start)) return {};
    return "it starts with '/', 'http://', 'https://' or a variable";
}

reading<text_template> read_template(std::string_view text) {
    text_template made;
    made.text = text;
    text_template::piece piece;
    while (!text.empty()) {
        const auto dollar = text.find('$');
        piece.literal += text.substr(0, dollar);
        if (dollar == std::string_view::npos) break;
        text.remove_prefix(dollar + 1);
        if (text.starts_with('$')) {
            piece.literal += '$';
            text.remove_prefix(1);
            continue;
        }
        const auto end = std::ranges::find_if(text, [](char c) { return !is_alnum(c) && c != '_'; });
        const std::string_view name{text.begin(), end};
        if (name.empty()) return std::unexpected{std::string{"'$' starts a variable; write $$ for a dollar sign"}};
        const auto found = std::ranges::find(variables, name);
        if (found == variables.end()) {
            const auto meant = nearest(name, variables);
            return std::unexpected{
                "unknown variable " + quoted("$" + std::string{name}) +
                (meant.empty() ? "; write $$ for a dollar sign" : "; did you mean '$" + std::string{meant} + "'?")};
        }
        piece.var = static_cast<text_template::variable>(found - variables.begin() + 1);
        made.pieces.push_back(std::exchange(piece, {}));
        text.remove_prefix(name.size());
    }
    if (!piece.literal.empty()) made.pieces.push_back(std::move(piece));
    return made;
}

}  // namespace weir::conf
