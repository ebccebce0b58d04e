#include "lib/tls/client_hello.hpp"

#include <algorithm>
#include <optional>

namespace weir::tls {
namespace {

constexpr std::size_t record_header_bytes = 5;
constexpr std::size_t max_record_bytes = 16 * 1024;
constexpr std::size_t message_header_bytes = 4;

enum extension : unsigned {
    server_name = 0,
    signature_algorithms = 13,
    alpn = 16,
    session_ticket = 35,
    pre_shared_key = 41,
    supported_versions = 43,
};

/// Takes fields off the front; one that does not fit makes it fail, for good.
class reader {
public:
    explicit reader(std::string_view bytes) : left_{bytes} {}

    std::string_view bytes(std::size_t count) {
        if (count > left_.size()) {
            failed_ = true;
            left_ = {};
            return {};
        }
        const auto taken = left_.substr(0, count);
        left_.remove_prefix(count);
        return taken;
    }
    std::size_t number(std::size_t octets) {
        std::size_t value = 0;
        for (const char octet : bytes(octets)) value = value << 8 | static_cast<unsigned char>(octet);
        return value;
    }
    /// A vector of the presentation language: its length, then as many bytes.
    std::string_view vector(std::size_t length_octets) { return bytes(number(length_octets)); }

    bool more() const { return !left_.empty(); }
    bool failed() const { return failed_; }
    bool done() const { return !failed_ && left_.empty(); }

private:
    std::string_view left_;
    bool failed_ = false;
};

bool take_server_name(std::string_view data, client_hello& into) {
    // The one kind of name there is, once: OpenSSL takes nothing else either.
    reader list{data};
    reader entry{list.vector(2)};
    const auto kind = entry.number(1);
    auto name = entry.vector(2);
    if (!list.done() || !entry.done() || kind != 0) return false;
    if (name.empty() || name.size() > 255 || name.find('\0') != name.npos) return false;
    if (name.ends_with('.')) name.remove_suffix(1);
    into.server_name = name;
    for (char& c : into.server_name)
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    return true;
}

bool take_alpn(std::string_view data, client_hello& into) {
    reader outer{data};
    reader list{outer.vector(2)};
    if (!outer.done() || !list.more()) return false;
    while (list.more()) {
        const auto protocol = list.vector(1);
        if (list.failed() || protocol.empty()) return false;
        into.alpn.emplace_back(protocol);
    }
    return true;
}

/// `wanted` is called with each 16 bit value of a list, of which there is at least one.
template <class Wanted>
bool any_of_list(std::string_view data, std::size_t length_octets, bool& any, Wanted wanted) {
    reader outer{data};
    reader list{outer.vector(length_octets)};
    if (!outer.done() || !list.more()) return false;
    while (list.more()) any |= wanted(list.number(2));
    return list.done();
}

bool is_ecdsa_scheme(std::size_t scheme) { return scheme == 0x0403 || scheme == 0x0503 || scheme == 0x0603; }

/// ECDHE-ECDSA with AES-GCM, ChaCha20 and, for old clients, AES-CBC.
bool is_ecdsa_cipher(std::size_t suite) {
    constexpr std::size_t suites[] = {0xc02b, 0xc02c, 0xcca9, 0xc023, 0xc024, 0xc009, 0xc00a};
    return std::ranges::find(suites, suite) != std::end(suites);
}

struct extension_facts {
    bool ecdsa_schemes = false;
    std::uint64_t seen = 0;  // a bit for each kind below 64
};

bool take_extension(std::size_t kind, std::string_view data, client_hello& into, extension_facts& facts) {
    if (kind < 64) {
        const auto bit = std::uint64_t{1} << kind;
        if (facts.seen & bit) return false;  // RFC 8446 4.2: at most one of a kind
        facts.seen |= bit;
    }
    switch (kind) {
    case server_name: return take_server_name(data, into);
    case alpn: return take_alpn(data, into);
    case signature_algorithms: return any_of_list(data, 2, facts.ecdsa_schemes, is_ecdsa_scheme);
    case supported_versions: return any_of_list(data, 1, into.tls13, [](std::size_t v) { return v == 0x0304; });
    case session_ticket: into.offers_resumption |= !data.empty(); return true;
    case pre_shared_key: into.offers_resumption = true; return true;
    default: return true;
    }
}

bool parse_message(std::string_view body, client_hello& into) {
    into.server_name.clear();
    into.alpn.clear();
    into.tls13 = into.offers_resumption = into.offers_ecdsa = false;

    reader hello{body};
    if (hello.number(2) >> 8 != 3) return false;  // legacy_version
    hello.bytes(32);                              // random
    const auto session_id = hello.vector(1);
    reader suites{hello.vector(2)};
    const auto compressions = hello.vector(1);
    if (hello.failed() || session_id.size() > 32 || !suites.more() || compressions.empty()) return false;

    bool ecdsa_ciphers = false;
    while (suites.more()) ecdsa_ciphers |= is_ecdsa_cipher(suites.number(2));
    if (suites.failed()) return false;

    if (!hello.more()) return true;  // TLS 1.2 can do without extensions
    extension_facts facts;
    reader extensions{hello.vector(2)};
    if (!hello.done()) return false;
    while (extensions.more()) {
        const auto kind = extensions.number(2);
        const auto data = extensions.vector(2);
        if (extensions.failed() || !take_extension(kind, data, into, facts)) return false;
    }
    into.offers_ecdsa = facts.ecdsa_schemes && (into.tls13 || ecdsa_ciphers);
    return true;
}

unsigned at(std::string_view bytes, std::size_t index) { return static_cast<unsigned char>(bytes[index]); }

}  // namespace

hello_state parse_client_hello(std::string_view seen, client_hello& into) {
    std::string joined;        // the message, when it spans records
    std::string_view message;  // what we have of it
    std::optional<std::size_t> message_bytes;

    for (std::size_t position = 0, records = 1;; ++records) {
        const bool first = records == 1;
        const auto odd = first ? hello_state::not_tls : hello_state::malformed;
        if (records * record_header_bytes + message_bytes.value_or(message.size() + 1) > max_client_hello_bytes)
            return hello_state::too_large;
        const auto left = seen.substr(position);
        if (left.size() > 0 && at(left, 0) != 22) return odd;  // handshake
        if (left.size() > 1 && at(left, 1) != 3) return odd;   // SSL 3 and up
        if (left.size() < record_header_bytes) return hello_state::incomplete;
        const std::size_t length = at(left, 3) << 8 | at(left, 4);
        if (length == 0 || length > max_record_bytes) return odd;

        const std::size_t declared = message.size() + length;
        const auto fragment = left.substr(record_header_bytes, length);
        if (first) {
            message = fragment;
        } else {
            if (joined.empty()) joined = message;
            joined += fragment;
            message = joined;
        }
        if (message.size() > 0 && at(message, 0) != 1) return hello_state::malformed;  // client_hello
        if (message.size() >= message_header_bytes) {
            message_bytes = message_header_bytes + (at(message, 1) << 16 | at(message, 2) << 8 | at(message, 3));
            if (records * record_header_bytes + *message_bytes > max_client_hello_bytes) return hello_state::too_large;
            // Nothing may follow it in its record: the client has to wait for the server's answer (RFC 8446 5.1).
            if (declared > *message_bytes) return hello_state::malformed;
            if (message.size() == *message_bytes)
                return parse_message(message.substr(message_header_bytes), into) ? hello_state::complete
                                                                                 : hello_state::malformed;
        }
        if (fragment.size() < length) return hello_state::incomplete;
        position += record_header_bytes + length;
    }
}

}  // namespace weir::tls
