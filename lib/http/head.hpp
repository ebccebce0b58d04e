#pragma once
/// Heads of requests and responses: checked, immutable once parsed, owners of their bytes.
///
///     http::request_head head;                     // reused for request after request: clear() keeps its memory
///     http::request_parser parser;
///     auto used = parser.parse(buffer, limits, head);
///     if (*used > 0) route(head.host(), head.route_path(), head.verb());
///
/// A head that a parser has returned is one unambiguous message; what can be asked of it needs no further check. Views
/// live until the head is parsed into again, cleared, moved or destroyed. Not for use by two threads at once.
#include <cstdint>
#include <optional>
#include <string_view>

#include "lib/http/fields.hpp"
#include "lib/http/framing.hpp"
#include "lib/http/host.hpp"
#include "lib/http/method.hpp"

namespace weir::http {

/// What a head may cost us.
struct head_limits {
    std::size_t max_head_bytes = 32 * 1024;   // first line, fields and the empty line
    std::size_t max_target_bytes = 8 * 1024;  // requests only
    unsigned max_headers = 100;               // fields
};

/// What both kinds of head have in common.
class message_head {
public:
    /// 0 or 1, of HTTP/1.x.
    int minor() const noexcept { return minor_; }

    const field_block& fields() const noexcept { return fields_; }
    bool has(field_id id) const noexcept { return fields_.has(id); }
    std::optional<std::string_view> find(field_id id) const noexcept { return fields_.find(id); }

    /// May the connection carry another message after this one, as far as the sender is concerned (RFC 9112 section
    /// 9.3)? 1.1: unless it says `close`; 1.0: only if it says `keep-alive`.
    bool keep_alive() const noexcept { return keep_alive_; }

    /// The value of Content-Length, whether or not a body follows (HEAD and 304 announce one that does not).
    std::optional<std::uint64_t> content_length() const noexcept { return framing_.content_length; }

    /// Connection has the option `upgrade` and the version is 1.1. The protocols: upgrade.hpp.
    bool wants_upgrade() const noexcept { return upgrade_; }

protected:
    message_head() = default;
    ~message_head() = default;
    message_head(const message_head&) = default;
    message_head(message_head&&) noexcept = default;
    message_head& operator=(const message_head&) = default;
    message_head& operator=(message_head&&) noexcept = default;

    /// Reads version, framing and Connection; the same rules for both sides.
    result<void> settle(int minor, sender from);
    void clear_message() noexcept;
    std::string_view part(std::uint32_t at, std::uint32_t size) const noexcept {
        return fields_.bytes().substr(at, size);
    }

    field_block fields_;
    framing_fields framing_;
    std::uint8_t minor_ = 1;
    bool keep_alive_ = false;
    bool upgrade_ = false;

private:
    result<void> read_connection(sender from);
};

class request_head : public message_head {
public:
    /// Forgets the message, keeps the memory.
    void clear() noexcept;

    /// As received, and the known one it is (never unknown or connect: those are refused with unsupported_method).
    std::string_view method_name() const noexcept { return part(0, method_size_); }
    method verb() const noexcept { return method_; }
    bool is_safe() const noexcept { return http::is_safe(method_); }
    bool is_idempotent() const noexcept { return http::is_idempotent(method_); }

    /// The target as received: `/path?query`, `http://host/path?query` or, with OPTIONS only, `*`.
    std::string_view target() const noexcept { return part(target_at_, target_size_); }
    /// The target without its query and, in absolute form, without scheme and authority; "/" if that leaves nothing,
    /// "*" for the asterisk form.
    std::string_view path() const noexcept { return path_size_ ? part(path_at_, path_size_) : "/"; }
    /// The query with its question mark; empty if there is none.
    std::string_view query() const noexcept;
    /// The path in the spelling to compare with routes (path.hpp).
    std::string_view route_path() const noexcept {
        return route_path_.empty() ? path() : std::string_view{route_path_};
    }
    bool is_absolute_form() const noexcept { return absolute_; }

    /// `host[:port]` as the client wrote it, from the target in absolute form, else from Host (RFC 9112 section 3.3).
    /// Checked; empty only for an HTTP/1.0 request that has none. Write it as the Host field of what is forwarded.
    std::string_view authority() const noexcept { return authority_size_ ? part(authority_at_, authority_size_) : ""; }
    /// The same without its port, as received: compare with host_matches().
    std::string_view host() const noexcept { return authority().substr(0, host_size_); }
    std::optional<std::uint16_t> port() const noexcept { return port_ ? std::optional{port_} : std::nullopt; }

    /// none, length or chunked.
    body_framing framing() const noexcept;
    /// The client waits for a 100 before it sends the body. Never for HTTP/1.0 or without a body.
    bool expects_continue() const noexcept { return expects_continue_; }
    /// TE says `trailers`: the client takes trailer fields.
    bool accepts_trailers() const noexcept { return accepts_trailers_; }

    /// May the field go to the server as it is? No for what belongs to this connection (Connection and what it names,
    /// Keep-Alive, TE, Upgrade, Transfer-Encoding, ...), for what we write anew (Host, Content-Length, Forwarded,
    /// X-Forwarded-*, X-Request-Id; Max-Forwards where it counts), for Expect without effect, for `Proxy`, and for a
    /// name with underscores that a CGI-like server would take for one of the special ones. Via goes on; ours follows it.
    bool forwardable(const field& f) const noexcept { return !f.nominated && !f.shadow && !held_back().has(f.id); }
    /// The known ones that may not.
    field_set held_back() const noexcept;

private:
    friend class request_parser;
    result<void> settle_request(std::string_view method, std::string_view target, int minor);
    result<void> settle_target();
    result<void> settle_host();
    result<void> settle_expectation();
    result<void> take_authority(std::string_view text);

    std::string route_path_;  // empty: the same as path()
    std::uint32_t target_at_ = 0, target_size_ = 0;
    std::uint32_t path_at_ = 0, path_size_ = 0;
    std::uint32_t authority_at_ = 0;
    std::uint16_t authority_size_ = 0, host_size_ = 0;
    std::uint16_t port_ = 0;
    std::uint8_t method_size_ = 0;
    method method_ = method::unknown;
    bool absolute_ = false;
    bool expects_continue_ = false;
    bool accepts_trailers_ = false;
};

class response_head : public message_head {
public:
    void clear() noexcept;

    int status() const noexcept { return status_; }             // 100 to 599
    bool is_interim() const noexcept { return status_ < 200; }  // 101 as well
    /// Perhaps empty. What servers write here is for people only.
    std::string_view reason_phrase() const noexcept { return part(phrase_at_, phrase_size_); }

    /// How the body ends, if `asked` was the method of the request: nothing follows HEAD, 1xx, 204 and 304.
    body_framing framing(method asked) const noexcept;

    /// May the field go to the client as it is? As for requests; Content-Length only where no body follows it (HEAD,
    /// 304), else append_framing writes it.
    bool forwardable(const field& f, method asked) const noexcept {
        return !f.nominated && !held_back(asked).has(f.id);
    }
    field_set held_back(method asked) const noexcept;

private:
    friend class response_parser;
    result<void> settle_response(int status, std::string_view phrase, int minor);

    std::uint32_t phrase_at_ = 0, phrase_size_ = 0;
    std::uint16_t status_ = 0;
};

}  // namespace weir::http
