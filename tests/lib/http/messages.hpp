#pragma once
/// Helpers of the HTTP tests: parse a text in one piece or in slices, and tell what came of it in one string.
#include <algorithm>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "lib/http/parser.hpp"
#include "lib/telemetry/reason.hpp"

namespace weir::http::test {

inline std::string told(const body_framing& f) {
    switch (f.how) {
    case body_framing::kind::none: return "none";
    case body_framing::kind::length: return "length " + std::to_string(f.length);
    case body_framing::kind::chunked: return "chunked";
    case body_framing::kind::until_close: return "until close";
    }
    return "?";
}

inline std::string told(const field_block& fields) {
    std::string out;
    for (const field f : fields)
        out.append(f.name).append("=").append(f.value).append(f.nominated ? " (nominated)" : "").append("\n");
    return out;
}

/// Everything a head says.
inline std::string told(const request_head& h) {
    std::string out{h.method_name()};
    out.append(" ").append(h.target()).append(" 1.").append(std::to_string(h.minor()));
    out.append(" path=").append(h.path()).append(" query=").append(h.query()).append(" route=").append(h.route_path());
    out.append(" host=").append(h.host()).append(" port=").append(std::to_string(h.port().value_or(0)));
    out.append(" body=").append(told(h.framing())).append(h.keep_alive() ? " keep" : " close");
    out.append(h.expects_continue() ? " expects" : "").append(h.wants_upgrade() ? " upgrade" : "");
    return out.append(h.accepts_trailers() ? " trailers\n" : "\n").append(told(h.fields()));
}

inline std::string told(const response_head& h) {
    std::string out = std::to_string(h.status()) + " " + std::string{h.reason_phrase()};
    out.append(" 1.").append(std::to_string(h.minor())).append(" body=").append(told(h.framing(method::get)));
    out.append(h.keep_alive() ? " keep\n" : " close\n");
    return out.append(told(h.fields()));
}

/// The verdict on a message that arrives in pieces: what was said, or the error, or "incomplete".
template <class Parser, class Head>
std::string verdict(std::string_view all, const std::vector<std::size_t>& sizes, const head_limits& limits = {}) {
    Parser parser;
    Head head;
    std::size_t seen = 0;
    for (std::size_t i = 0;; ++i) {
        seen = sizes.empty() ? all.size() : std::min(all.size(), seen + sizes[i % sizes.size()]);
        const std::string moved{all.substr(0, seen)};  // another place in memory each time
        const auto used = parser.parse(moved, limits, head);
        if (!used) return std::string{word(used.error().why)} + ": " + used.error().doing;
        if (*used > 0) return std::to_string(*used) + " bytes: " + told(head);
        if (seen == all.size()) return "incomplete";
    }
}

inline std::string request_verdict(std::string_view all, const std::vector<std::size_t>& sizes = {},
                                   const head_limits& limits = {}) {
    return verdict<request_parser, request_head>(all, sizes, limits);
}
inline std::string response_verdict(std::string_view all, const std::vector<std::size_t>& sizes = {},
                                    const head_limits& limits = {}) {
    return verdict<response_parser, response_head>(all, sizes, limits);
}

/// The reason a message is refused for; none if it is accepted, client_closed if it is incomplete.
template <class Parser, class Head>
reason reason_of(std::string_view all, const head_limits& limits = {}) {
    Parser parser;
    Head head;
    const auto used = parser.parse(all, limits, head);
    return !used ? used.error().why : *used == 0 ? reason::client_closed : reason::none;
}
inline std::string request_reason(std::string_view all, const head_limits& limits = {}) {
    return std::string{word(reason_of<request_parser, request_head>(all, limits))};
}
inline std::string response_reason(std::string_view all, const head_limits& limits = {}) {
    return std::string{word(reason_of<response_parser, response_head>(all, limits))};
}

/// A head that must be good; throws what was wrong otherwise.
inline request_head request(std::string_view all) {
    request_parser parser;
    request_head head;
    const auto used = parser.parse(all, {}, head);
    if (!used) throw std::runtime_error{used.error().doing};
    if (*used == 0) throw std::runtime_error{"incomplete"};
    return head;
}
inline response_head response(std::string_view all) {
    response_parser parser;
    response_head head;
    const auto used = parser.parse(all, {}, head);
    if (!used) throw std::runtime_error{used.error().doing};
    if (*used == 0) throw std::runtime_error{"incomplete"};
    return head;
}

}  // namespace weir::http::test
