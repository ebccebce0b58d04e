#include "proxy/heads.hpp"

#include <algorithm>
#include <charconv>

#include "lib/http/date.hpp"
#include "lib/http/forwarded.hpp"
#include "lib/http/upgrade.hpp"
#include "lib/http/write.hpp"
#include "lib/resilience/sticky.hpp"
#include "proxy/template.hpp"

namespace weir {
namespace {

using actions = std::vector<conf::header_action>;
using kind = conf::header_action::kind;

/// A field that an action sets or removes is not passed on as it came.
bool untouched(const actions& todo, std::string_view name) {
    return std::ranges::none_of(
        todo, [&](const auto& action) { return action.what != kind::add && http::equals_nocase(action.name, name); });
}

void append_configured(http::head_writer& out, const actions& todo, const request& r) {
    std::string value;
    for (const auto& action : todo) {
        if (action.what == kind::remove || http::id_of(action.name) == http::field_id::host) continue;
        value.clear();
        expand(action.value, r, value);
        if (http::is_field_value(value)) http::append_field(out, action.name, value);
    }
}

/// The Host field: the client's, unless the route sets another.
void append_host(http::head_writer& out, const request& r) {
    for (const auto& action : r.route->request_headers) {
        if (action.what != kind::set || http::id_of(action.name) != http::field_id::host) continue;
        std::string value;
        expand(action.value, r, value);
        if (http::is_field_value(value)) return http::append_field(out, "Host", value);
    }
    http::append_field(out, "Host", r.head.authority());
}

/// What we tell the server about the client and the way.
void append_own_fields(http::head_writer& out, const request& r) {
    const auto style = r.listener.settings.forwarded;
    http::hop hop;
    if (!r.client.peer().is_unix()) hop.client = r.client.peer_ip_text();
    hop.trusted = r.trusted;
    hop.secure = r.client.layer() != nullptr;
    hop.x_forwarded = style == conf::forwarded_style::both || style == conf::forwarded_style::x_forwarded;
    hop.rfc7239 = style == conf::forwarded_style::both || style == conf::forwarded_style::rfc7239;
    http::append_forwarding(out, r.head, hop);
    http::append_via(out, r.head.minor());
    if (r.head.has(http::field_id::max_forwards))
        if (const auto limit = http::read_max_forwards(r.head)) http::append_max_forwards(out, *limit);
    http::append_field(out, "X-Request-Id", r.id_text());
}

/// How long we will wait, less what the way takes: so nobody works on what nobody waits for.
void append_deadline(http::head_writer& out, const request& r, time_point deadline) {
    const auto& name = r.backend->shared.settings().deadline_header;
    if (name.empty() || deadline == time_point::max() || !untouched(r.route->request_headers, name)) return;
    const auto left = (deadline - r.time().now()) / 1ms - 1;
    http::append_field(out, name, static_cast<std::uint64_t>(std::max<std::int64_t>(left, 1)));
}

/// A client that has no cookie, or that of another server, is told which one it is now.
void append_sticky(http::head_writer& out, const request& r) {
    const auto& group = r.backend->shared;
    const auto& name = group.settings().sticky_cookie;
    if (name.empty() || r.stuck_to == r.chosen_index) return;
    std::string cookie = name;
    cookie.append("=").append(sticky_value(group.sticky_of(r.chosen_index))).append("; Path=/; HttpOnly; SameSite=Lax");
    if (r.client.layer()) cookie += "; Secure";
    http::append_field(out, "Set-Cookie", cookie);
}

/// Those of these lines that no action sets or removes.
void append_untouched(http::head_writer& out, std::string_view lines, const actions& todo) {
    while (!lines.empty()) {
        const auto line = lines.substr(0, lines.find('\n') + 1);
        if (untouched(todo, line.substr(0, line.find(':')))) out.append(line);
        lines.remove_prefix(line.size());
    }
}

}  // namespace

std::optional<std::chrono::seconds> retry_after(const http::response_head& head, std::int64_t wall_us) {
    const auto value = head.find(http::field_id::retry_after);
    if (!value) return std::nullopt;
    unsigned seconds = 0;
    const auto [end, problem] = std::from_chars(value->data(), value->data() + value->size(), seconds);
    if (problem == std::errc{} && end == value->data() + value->size()) return std::chrono::seconds{seconds};
    const auto until = http::parse_date(*value);
    if (!until) return std::nullopt;
    const auto said = head.find(http::field_id::date);
    const auto now = said ? http::parse_date(*said) : std::nullopt;
    return std::chrono::seconds{std::max<std::int64_t>(*until - now.value_or(wall_us / 1'000'000), 0)};
}

void compose_request(std::string& text, const request& r, time_point deadline) {
    http::head_writer out{text};
    const auto& todo = r.route->request_headers;
    http::append_request_line(out, r.head);
    append_host(out, r);
    const std::string_view deadline_name = r.backend->shared.settings().deadline_header;
    const bool says_deadline = !deadline_name.empty() && r.head.fields().find(deadline_name);
    const auto passes = [&](const http::field& f) {
        return untouched(todo, f.name) && !(says_deadline && http::equals_nocase(f.name, deadline_name));
    };
    if (todo.empty() && !says_deadline) http::append_forwardable(out, r.head);
    else http::append_forwardable(out, r.head, passes);
    if (todo.empty()) {
        append_own_fields(out, r);
    } else {
        std::string own;
        {
            http::head_writer to_own{own};
            append_own_fields(to_own, r);
        }
        append_untouched(out, own, todo);
        append_configured(out, todo, r);
    }
    append_deadline(out, r, deadline);

    // TE is between neighbours and must be named as such (RFC 9110 section 10.1.4).
    const bool te = r.head.accepts_trailers();
    if (te) http::append_field(out, "TE", "trailers");
    const bool upgrade = r.head.wants_upgrade() && http::append_upgrade(out, r.head, r.route->upgrades, te ? "te" : "");
    if (te && !upgrade) http::append_field(out, "Connection", "te");
    http::append_framing(out, r.head.framing());
    http::end_head(out);
}

void compose_response(std::string& text, request& r, const http::response_head& head,
                      const http::body_framing& framing) {
    http::head_writer out{text};
    const auto& todo = r.route->response_headers;
    http::append_status_line(out, head.status(), head.reason_phrase());
    if (todo.empty()) {
        http::append_forwardable(out, head, r.head.verb());
    } else {
        http::append_forwardable(out, head, r.head.verb(),
                                 [&](const http::field& f) { return untouched(todo, f.name); });
        append_configured(out, todo, r);
    }
    if (!head.has(http::field_id::date) && untouched(todo, "Date"))
        http::append_field(out, "Date", r.worker.date_now());
    if (untouched(todo, "Via")) http::append_via(out, head.minor());
    append_sticky(out, r);
    if (!r.keep_client) http::append_field(out, "Connection", "close");
    else if (r.head.minor() == 0) http::append_field(out, "Connection", "keep-alive");
    http::append_framing(out, framing);
    http::end_head(out);
}

}  // namespace weir
