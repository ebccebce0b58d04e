#include "lib/http/forwarded.hpp"

#include "lib/http/write.hpp"

namespace weir::http {
namespace {

/// All values of one name, joined as one list (RFC 9110 section 5.3). Appends; returns whether there was any.
bool append_joined(std::string& out, const field_block& fields, field_id id) {
    bool any = false;
    if (fields.has(id))
        for (const field f : fields) {
            if (f.id != id || f.value.empty()) continue;
            if (any) out.append(", ");
            out.append(f.value);
            any = true;
        }
    return any;
}

void pass_on(std::string& out, const field_block& fields, field_id id) {
    if (!fields.has(id)) return;
    out.append(name_of(id)).append(": ");
    append_joined(out, fields, id);
    out.append("\r\n");
}

void append_x_forwarded(std::string& out, const request_head& head, const hop& from) {
    const auto& fields = head.fields();
    const bool believed = from.trusted && fields.has(field_id::x_forwarded_for);
    if (believed || !from.client.empty()) {
        out.append("X-Forwarded-For: ");
        const bool chain = believed && append_joined(out, fields, field_id::x_forwarded_for);
        if (chain && !from.client.empty()) out.append(", ");
        out.append(from.client).append("\r\n");
    }
    const auto first_seen = [&](field_id id, std::string_view ours) {
        if (from.trusted && fields.has(id)) pass_on(out, fields, id);
        else if (!ours.empty()) append_field(out, name_of(id), ours);
    };
    first_seen(field_id::x_forwarded_proto, from.secure ? "https" : "http");
    first_seen(field_id::x_forwarded_host, head.authority());
}

/// RFC 7239 section 4: a value that is no token is quoted, an IPv6 address is quoted and in brackets (section 6).
void append_forwarded(std::string& out, const request_head& head, const hop& from) {
    out.append("Forwarded: ");
    if (from.trusted && append_joined(out, head.fields(), field_id::forwarded)) out.append(", ");
    if (from.client.empty()) out.append("for=unknown");
    else if (from.client.find(':') != from.client.npos) out.append("for=\"[").append(from.client).append("]\"");
    else out.append("for=").append(from.client);
    if (const auto host = head.authority(); !host.empty()) {
        const auto quote = is_token(host) ? "" : "\"";  // a port or brackets; no host holds a quote or backslash
        out.append(";host=").append(quote).append(host).append(quote);
    }
    out.append(from.secure ? ";proto=https\r\n" : ";proto=http\r\n");
}

}  // namespace

void append_forwarding(std::string& out, const request_head& head, const hop& from) {
    const auto& fields = head.fields();
    if (from.x_forwarded) {
        append_x_forwarded(out, head, from);
    } else if (from.trusted) {
        pass_on(out, fields, field_id::x_forwarded_for);
        pass_on(out, fields, field_id::x_forwarded_proto);
        pass_on(out, fields, field_id::x_forwarded_host);
    }
    if (from.rfc7239) append_forwarded(out, head, from);
    else if (from.trusted) pass_on(out, fields, field_id::forwarded);
}

void append_via(std::string& out, int minor) { out.append(minor == 0 ? "Via: 1.0 weir\r\n" : "Via: 1.1 weir\r\n"); }

result<forward_limit> read_max_forwards(const request_head& head) {
    if (!head.has(field_id::max_forwards) || (head.verb() != method::trace && head.verb() != method::options))
        return forward_limit{};
    const auto left = parse_content_length(*head.find(field_id::max_forwards));
    if (!left || head.fields().count(field_id::max_forwards) > 1)
        return fail(reason::bad_request, "Max-Forwards is not one number");
    return forward_limit{true, *left};
}

void append_max_forwards(std::string& out, const forward_limit& limit) {
    if (limit.counts && limit.left > 0) append_field(out, "Max-Forwards", limit.left - 1);
}

std::optional<std::string_view> request_id_of(const request_head& head, bool trusted) noexcept {
    constexpr std::size_t longest = 128;
    if (!trusted || head.fields().count(field_id::x_request_id) != 1) return std::nullopt;
    const auto id = *head.find(field_id::x_request_id);
    return is_token(id) && id.size() <= longest ? std::optional{id} : std::nullopt;
}

}  // namespace weir::http
