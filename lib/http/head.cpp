#include "lib/http/head.hpp"

#include "lib/http/path.hpp"

namespace weir::http {
namespace {

/// A list of options longer than this has no honest purpose, and each costs a walk through the fields.
constexpr int max_connection_options = 32;

/// RFC 9110 section 7.6.1 forbids naming a field in Connection that is meant for everyone on the way. Most such fields
/// we simply drop, as that section tells us to; but to lose one of these would change which message it is, or whom the
/// server takes the client for, behind the back of a proxy in front of us that forwards Connection unread.
bool must_not_be_nominated(field_id id, sender from) noexcept {
    switch (id) {
    case field_id::content_length: return true;
    case field_id::host:
    case field_id::via:
    case field_id::max_forwards:
    case field_id::forwarded:
    case field_id::x_forwarded_for:
    case field_id::x_forwarded_proto:
    case field_id::x_forwarded_host:
    case field_id::x_request_id: return from == sender::client;
    default: return false;
    }
}

/// Belongs to one connection, whether or not Connection says so (RFC 9110 section 7.6.1), or to its credentials.
constexpr field_set hop_by_hop{
    field_id::connection,          field_id::keep_alive, field_id::proxy_connection, field_id::te,
    field_id::transfer_encoding,   field_id::upgrade,    field_id::http2_settings,   field_id::proxy_authenticate,
    field_id::proxy_authorization,
};

/// Written anew in requests, or dropped.
constexpr field_set not_for_servers = [] {
    auto set = hop_by_hop;
    for (const auto id :
         {field_id::host, field_id::content_length, field_id::forwarded, field_id::x_forwarded_for,
          field_id::x_forwarded_proto, field_id::x_forwarded_host, field_id::x_request_id, field_id::proxy})
        set.add(id);
    return set;
}();

/// Out of line, so that the functions below need no more registers than their usual way through.
[[gnu::cold, gnu::noinline]] std::unexpected<error> refuse(reason why, const char* what, std::string_view which = {}) {
    return fail(why, std::string{what}.append(which));
}

}  // namespace

// ---- what both have in common ----

void message_head::clear_message() noexcept {
    fields_.clear();
    framing_ = {};
    minor_ = 1;
    keep_alive_ = upgrade_ = false;
}

result<void> message_head::settle(int minor, sender from) {
    minor_ = static_cast<std::uint8_t>(minor);
    keep_alive_ = minor == 1;
    if (fields_.has(field_id::content_length) || fields_.has(field_id::transfer_encoding)) {
        auto framing = read_framing(fields_, minor, from);
        if (!framing) return std::unexpected{std::move(framing.error())};
        framing_ = *framing;
    }
    if (fields_.has(field_id::connection)) return read_connection(from);
    return {};
}

result<void> message_head::read_connection(sender from) {
    const auto why = from == sender::client ? reason::bad_request : reason::bad_response;
    bool close = false, keep = false;
    int options = 0;
    for (const field f : fields_) {
        if (f.id != field_id::connection) continue;
        std::string_view rest = f.value, option;
        while (!(option = next_member(rest)).empty()) {
            if (++options > max_connection_options) return refuse(why, "too many connection options");
            if (!is_token(option)) return refuse(why, "a connection option that is not a token");
            if (equals_nocase(option, "close")) close = true;
            else if (equals_nocase(option, "keep-alive")) keep = true;
            else if (equals_nocase(option, "upgrade")) upgrade_ = true;
            else if (must_not_be_nominated(id_of(option), from))
                return refuse(why, "Connection names a field that is not its own: ", option);
            else fields_.nominate(option);
        }
    }
    keep_alive_ = !close && (minor_ == 1 || keep);
    upgrade_ = upgrade_ && minor_ == 1 && fields_.has(field_id::upgrade);
    return {};
}

// ---- requests ----

void request_head::clear() noexcept {
    clear_message();
    route_path_.clear();
    target_at_ = target_size_ = path_at_ = path_size_ = authority_at_ = 0;
    authority_size_ = host_size_ = port_ = 0;
    method_size_ = 0;
    method_ = method::unknown;
    absolute_ = expects_continue_ = accepts_trailers_ = false;
}

std::string_view request_head::query() const noexcept {
    const auto mark = target().find('?');
    return mark == std::string_view::npos ? std::string_view{} : target().substr(mark);
}

body_framing request_head::framing() const noexcept {
    if (framing_.chunked) return {body_framing::kind::chunked, 0};
    if (framing_.content_length) return {body_framing::kind::length, *framing_.content_length};
    return {};
}

field_set request_head::held_back() const noexcept {
    auto held = not_for_servers;
    if (!expects_continue_) held.add(field_id::expect);
    if (!framing_.chunked) held.add(field_id::trailer);
    if (method_ == method::trace || method_ == method::options) held.add(field_id::max_forwards);
    return held;
}

/// The first line, which the scanner has split; the views lie in fields_.bytes().
result<void> request_head::settle_request(std::string_view method, std::string_view target, int minor) {
    minor_ = static_cast<std::uint8_t>(minor);
    method_ = method_of(method);
    if (method_ == method::unknown) return refuse(reason::unsupported_method, "unknown method ", method);
    if (method_ == method::connect) return refuse(reason::unsupported_method, "CONNECT");
    method_size_ = static_cast<std::uint8_t>(method.size());
    target_at_ = static_cast<std::uint32_t>(target.data() - fields_.bytes().data());
    target_size_ = static_cast<std::uint32_t>(target.size());
    return settle_target();
}

result<void> request_head::settle_target() {
    auto rest = target();
    auto shape = shape_of_target(rest);
    if (!shape.allowed) return refuse(reason::bad_request, "a character not allowed in a target");
    if (rest == "*") {
        if (method_ != method::options) return refuse(reason::bad_request, "target * without OPTIONS");
        path_at_ = target_at_;
        path_size_ = 1;
        return {};
    }
    if (!rest.starts_with('/')) {
        const auto scheme = rest.substr(0, rest.find("://"));
        if (scheme.size() == rest.size() || (!equals_nocase(scheme, "http") && !equals_nocase(scheme, "https")))
            return refuse(reason::bad_request, "a target that is neither a path nor a http URI");
        rest.remove_prefix(scheme.size() + 3);
        const auto name = rest.substr(0, rest.find_first_of("/?"));
        if (auto taken = take_authority(name); !taken) return taken;
        absolute_ = true;
        rest.remove_prefix(name.size());
        shape = shape_of_target(rest);
    }
    const auto path = rest.substr(0, shape.path_size);  // may be empty in absolute form
    path_at_ = static_cast<std::uint32_t>(path.data() - fields_.bytes().data());
    path_size_ = static_cast<std::uint32_t>(path.size());
    if (shape.plain) return {};
    if (const char* what = fault_of_path(path)) return refuse(reason::bad_request, what);
    route_path_ = comparable_path(path);
    return {};
}

result<void> request_head::take_authority(std::string_view text) {
    const auto found = parse_authority(text);
    if (!found) return refuse(reason::bad_host, "not a host: ", text.substr(0, 100));
    authority_at_ = static_cast<std::uint32_t>(text.data() - fields_.bytes().data());
    authority_size_ = static_cast<std::uint16_t>(text.size());
    host_size_ = static_cast<std::uint16_t>(found->host.size());
    port_ = found->port.value_or(0);
    return {};
}

result<void> request_head::settle_host() {
    const auto value = fields_.find(field_id::host);
    if (!value) {
        if (minor_ == 1) return refuse(reason::bad_host, "no Host");
        return {};
    }
    if (fields_.count(field_id::host) > 1) return refuse(reason::bad_host, "Host more than once");
    if (!absolute_) return take_authority(*value);
    // The target decides (RFC 9112 section 3.2.2), yet a Host that is none makes the request invalid.
    if (!parse_authority(*value)) return refuse(reason::bad_host, "not a host: ", value->substr(0, 100));
    return {};
}

result<void> request_head::settle_expectation() {
    if (fields_.has(field_id::expect) && minor_ == 1) {
        bool continues = false;
        for (const field f : fields_) {
            if (f.id != field_id::expect) continue;
            std::string_view rest = f.value, member;
            while (!(member = next_member(rest)).empty()) {
                if (!equals_nocase(member, "100-continue"))
                    return refuse(reason::unsupported_expectation, "an expectation other than 100-continue");
                continues = true;
            }
        }
        expects_continue_ = continues && framing().has_body();
    }
    if (fields_.has(field_id::te))
        for (const field f : fields_) {
            if (f.id != field_id::te) continue;
            std::string_view rest = f.value, member;
            while (!(member = next_member(rest)).empty())
                accepts_trailers_ = accepts_trailers_ || equals_nocase(member, "trailers");
        }
    return {};
}

// ---- responses ----

void response_head::clear() noexcept {
    clear_message();
    phrase_at_ = phrase_size_ = 0;
    status_ = 0;
}

body_framing response_head::framing(method asked) const noexcept {
    if (asked == method::head || status_ < 200 || status_ == 204 || status_ == 304) return {};
    if (framing_.chunked) return {body_framing::kind::chunked, 0};
    if (framing_.content_length) return {body_framing::kind::length, *framing_.content_length};
    return {body_framing::kind::until_close, 0};
}

field_set response_head::held_back(method asked) const noexcept {
    auto held = hop_by_hop;
    const auto body = framing(asked).how;
    if (body != body_framing::kind::none || status_ < 200 || status_ == 204) held.add(field_id::content_length);
    if (body != body_framing::kind::chunked) held.add(field_id::trailer);
    return held;
}

result<void> response_head::settle_response(int status, std::string_view phrase, int minor) {
    status_ = static_cast<std::uint16_t>(status);
    phrase_at_ = phrase.empty() ? 0 : static_cast<std::uint32_t>(phrase.data() - fields_.bytes().data());
    phrase_size_ = static_cast<std::uint32_t>(phrase.size());
    if (auto settled = settle(minor, sender::server); !settled) return settled;
    const bool announces_body = framing_.chunked || framing_.content_length.value_or(0) > 0;
    if (status < 200 && announces_body) return refuse(reason::bad_response, "an interim response with a body");
    // A server that announces a body behind 204 may send one: what comes next on the connection is anyone's guess.
    if (status == 204 && announces_body) keep_alive_ = false;
    return {};
}

}  // namespace weir::http
