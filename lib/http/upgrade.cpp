#include "lib/http/upgrade.hpp"

#include "lib/http/write.hpp"

namespace weir::http {
namespace {

/// `name[/version]`
bool is_protocol(std::string_view text) noexcept {
    const auto slash = text.find('/');
    return is_token(text.substr(0, slash)) && (slash == text.npos || is_token(text.substr(slash + 1)));
}

/// Calls `visit` with each protocol of the Upgrade fields until it returns true; true if it did.
template <class Visit>
bool any_protocol(const field_block& fields, Visit visit) {
    for (const field f : fields) {
        if (f.id != field_id::upgrade) continue;
        std::string_view rest = f.value, member;
        while (!(member = next_member(rest)).empty())
            if (visit(member)) return true;
    }
    return false;
}

bool may_offer(const request_head& head) noexcept { return head.wants_upgrade() && !head.framing().has_body(); }

bool is_allowed(std::string_view protocol, std::span<const std::string> allowed) noexcept {
    for (const std::string_view one : allowed)
        if (equals_nocase(one, protocol)) return true;
    return false;
}

void append_connection_upgrade(head_writer& out, std::string_view also) {
    out.append("Connection: upgrade");
    if (!also.empty()) {
        out.append(", ");
        out.append(also);
    }
    out.append("\r\nUpgrade: ");
}

}  // namespace

bool offers(const request_head& head, std::string_view protocol) noexcept {
    return may_offer(head) && is_protocol(protocol) &&
           any_protocol(head.fields(), [&](std::string_view one) { return equals_nocase(one, protocol); });
}

bool offers_any(const request_head& head, std::span<const std::string> allowed) noexcept {
    return may_offer(head) && any_protocol(head.fields(), [&](std::string_view one) {
        return is_protocol(one) && is_allowed(one, allowed);
    });
}

bool append_upgrade(head_writer& out, const request_head& head, std::span<const std::string> allowed,
                    std::string_view also) {
    if (!offers_any(head, allowed)) return false;
    append_connection_upgrade(out, also);
    bool first = true;
    any_protocol(head.fields(), [&](std::string_view one) {
        if (is_protocol(one) && is_allowed(one, allowed)) {
            if (!first) out.append(", ");
            out.append(one);
            first = false;
        }
        return false;
    });
    out.append("\r\n");
    return true;
}

result<std::string_view> check_switch(const request_head& asked, const response_head& answer,
                                      std::span<const std::string> allowed) {
    const auto bad = [](const char* what) { return fail(reason::bad_upgrade, what); };
    if (answer.status() != 101) return bad("a response that is no 101");
    if (!offers_any(asked, allowed)) return bad("a 101 that nobody asked for");
    if (!answer.wants_upgrade()) return bad("a 101 without Connection: upgrade and Upgrade");
    std::string_view chosen;
    const bool several = any_protocol(answer.fields(), [&](std::string_view one) {
        if (!chosen.empty()) return true;
        chosen = one;
        return false;
    });
    if (several || chosen.empty()) return bad("a 101 that does not name one protocol");
    if (!offers(asked, chosen)) return bad("a 101 to a protocol that was not offered");
    if (!is_allowed(chosen, allowed)) return bad("a 101 to a protocol that is not allowed");
    return chosen;
}

void append_switch(std::string& text, const response_head& answer, std::string_view protocol) {
    head_writer out{text};
    append_status_line(out, answer.status(), answer.reason_phrase());
    append_forwardable(out, answer, method::get);
    append_connection_upgrade(out, {});
    out.append(protocol);
    out.append("\r\n\r\n");
}

}  // namespace weir::http
