#include "lib/http/forwarded.hpp"

namespace weir::http {
namespace {

/// All values of one name, joined as one list (RFC 9110 section 5.3). Stops where it started if there is none.
char* put_joined(char* at, const field_block& fields, field_id id) {
    const char* const start = at;
    for (const field f : fields) {
        if (f.id != id || f.value.empty()) continue;
        if (at != start) at = put(at, ", ");
        at = put(at, f.value);
    }
    return at;
}

/// Composes them all behind each other, with room for the longest they can be.
class forwarding {
public:
    forwarding(char* at, const request_head& head, const hop& from) noexcept : at_{at}, head_{head}, from_{from} {}

    static std::size_t most_bytes(const request_head& head, const hop& from) noexcept {
        constexpr std::size_t all_fixed_text = 192, of_client = 2, of_authority = 2;
        const auto chains = from.trusted ? head.fields().bytes().size() + 2 * head.fields().size() : 0;
        return all_fixed_text + of_client * from.client.size() + of_authority * head.authority().size() + chains;
    }

    char* put_all() {
        if (from_.x_forwarded) put_x_forwarded();
        else if (from_.trusted) pass_on_x_forwarded();
        if (from_.rfc7239) put_forwarded();
        else if (believed(field_id::forwarded)) pass_on("Forwarded: ", field_id::forwarded);
        return at_;
    }

private:
    bool believed(field_id id) const noexcept { return from_.trusted && head_.has(id); }

    template <std::size_t n>
    void pass_on(const char (&name_and_colon)[n], field_id id) {
        at_ = put(put_joined(put(at_, name_and_colon), head_.fields(), id), "\r\n");
    }

    void pass_on_x_forwarded() {
        if (head_.has(field_id::x_forwarded_for)) pass_on("X-Forwarded-For: ", field_id::x_forwarded_for);
        if (head_.has(field_id::x_forwarded_proto)) pass_on("X-Forwarded-Proto: ", field_id::x_forwarded_proto);
        if (head_.has(field_id::x_forwarded_host)) pass_on("X-Forwarded-Host: ", field_id::x_forwarded_host);
    }

    void put_x_forwarded() {
        const bool chain = believed(field_id::x_forwarded_for);
        if (chain || !from_.client.empty()) {
            at_ = put(at_, "X-Forwarded-For: ");
            if (chain) {
                const char* const start = at_;
                at_ = put_joined(at_, head_.fields(), field_id::x_forwarded_for);
                if (at_ != start && !from_.client.empty()) at_ = put(at_, ", ");
            }
            at_ = put(put(at_, from_.client), "\r\n");
        }
        if (believed(field_id::x_forwarded_proto)) pass_on("X-Forwarded-Proto: ", field_id::x_forwarded_proto);
        else at_ = from_.secure ? put(at_, "X-Forwarded-Proto: https\r\n") : put(at_, "X-Forwarded-Proto: http\r\n");
        const auto host = head_.authority();
        if (believed(field_id::x_forwarded_host)) pass_on("X-Forwarded-Host: ", field_id::x_forwarded_host);
        else if (!host.empty()) at_ = put(put(put(at_, "X-Forwarded-Host: "), host), "\r\n");
    }

    /// RFC 7239 section 4: a value that is no token is quoted, an IPv6 address is quoted and in brackets (section 6).
    void put_forwarded() {
        at_ = put(at_, "Forwarded: ");
        if (believed(field_id::forwarded)) {
            const char* const start = at_;
            at_ = put_joined(at_, head_.fields(), field_id::forwarded);
            if (at_ != start) at_ = put(at_, ", ");
        }
        const auto client = from_.client;
        if (client.empty()) at_ = put(at_, "for=unknown");
        else if (client.find(':') != client.npos) at_ = put(put(put(at_, "for=\"["), client), "]\"");
        else at_ = put(put(at_, "for="), client);
        if (const auto host = head_.authority(); !host.empty()) {
            // No token if it has a port or brackets; no host holds a quote or a backslash.
            const bool quoted = host.size() != head_.host().size() || host.front() == '[';
            at_ = quoted ? put(put(put(at_, ";host=\""), host), "\"") : put(put(at_, ";host="), host);
        }
        at_ = from_.secure ? put(at_, ";proto=https\r\n") : put(at_, ";proto=http\r\n");
    }

    char* at_;
    const request_head& head_;
    const hop& from_;
};

}  // namespace

void append_forwarding(head_writer& out, const request_head& head, const hop& from) {
    out.write(forwarding::most_bytes(head, from), [&](char* at) { return forwarding{at, head, from}.put_all(); });
}

result<forward_limit> read_max_forwards(const request_head& head) {
    if (!head.has(field_id::max_forwards) || (head.verb() != method::trace && head.verb() != method::options))
        return forward_limit{};
    const auto left = parse_content_length(*head.find(field_id::max_forwards));
    if (!left || head.fields().count(field_id::max_forwards) > 1)
        return fail(reason::bad_request, "Max-Forwards is not one number");
    return forward_limit{true, *left};
}

void append_max_forwards(head_writer& out, const forward_limit& limit) {
    if (limit.counts && limit.left > 0) append_field(out, "Max-Forwards", limit.left - 1);
}

std::optional<std::string_view> request_id_of(const request_head& head, bool trusted) noexcept {
    constexpr std::size_t longest = 128;
    if (!trusted || head.fields().count(field_id::x_request_id) != 1) return std::nullopt;
    const auto id = *head.find(field_id::x_request_id);
    return is_token(id) && id.size() <= longest ? std::optional{id} : std::nullopt;
}

}  // namespace weir::http
