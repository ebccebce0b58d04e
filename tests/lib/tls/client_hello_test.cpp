#include "lib/tls/client_hello.hpp"

#include <openssl/err.h>

#include "lib/tls/openssl.hpp"
#include "tests/support/property.hpp"

using namespace weir::tls;
using namespace std::string_literals;

namespace {

struct offer {
    const char* name = nullptr;
    bool alpn = false;
    int max_version = 0;
    const char* sigalgs = nullptr;
};

/// What OpenSSL's client sends first.
std::string real_hello(const offer& what = {}) {
    const ssl_ctx_ptr context{SSL_CTX_new(TLS_client_method())};
    const ssl_ptr ssl{SSL_new(context.get())};
    SSL_set_connect_state(ssl.get());
    if (what.name) SSL_set_tlsext_host_name(ssl.get(), what.name);
    if (what.alpn) SSL_set_alpn_protos(ssl.get(), reinterpret_cast<const unsigned char*>("\x02h2\x08http/1.1"), 12);
    if (what.max_version) SSL_set_max_proto_version(ssl.get(), what.max_version);
    if (what.sigalgs) SSL_set1_sigalgs_list(ssl.get(), what.sigalgs);
    BIO* out = BIO_new(BIO_s_mem());
    SSL_set_bio(ssl.get(), BIO_new(BIO_s_mem()), out);
    SSL_do_handshake(ssl.get());
    ERR_clear_error();
    char* data = nullptr;
    const long size = BIO_get_mem_data(out, &data);
    return {data, static_cast<std::size_t>(size)};
}

std::string number(std::size_t value, unsigned octets) {
    std::string out;
    while (octets-- > 0) out += static_cast<char>(value >> 8 * octets);
    return out;
}
std::string sized(unsigned octets, const std::string& data) { return number(data.size(), octets) + data; }
std::string extension(unsigned kind, const std::string& data) { return number(kind, 2) + sized(2, data); }

std::string record(const std::string& fragment) { return "\x16\x03\x01"s + sized(2, fragment); }
std::string message(const std::string& extensions, const std::string& suites = "\x13\x01\xc0\x2b"s) {
    const auto body =
        "\x03\x03"s + std::string(32, 'r') + sized(1, "") + sized(2, suites) + sized(1, "\0"s) + sized(2, extensions);
    return "\x01"s + sized(3, body);
}
std::string server_name(const std::string& name) { return extension(0, sized(2, "\0"s + sized(2, name))); }

/// The same message in records of the given sizes, the last as long as needed.
std::string in_records(const std::string& whole, const std::vector<std::size_t>& sizes) {
    std::string out;
    std::size_t at = 0;
    for (const auto size : sizes) {
        if (at + size >= whole.size()) break;
        out += record(whole.substr(at, size));
        at += size;
    }
    return out + record(whole.substr(at));
}

client_hello complete(const std::string& bytes) {
    client_hello hello;
    REQUIRE(parse_client_hello(bytes, hello) == hello_state::complete);
    return hello;
}
hello_state judge(std::string_view bytes) {
    client_hello hello;
    return parse_client_hello(bytes, hello);
}

/// In memory of its own, without a byte to spare: the address sanitizer sees any step beyond.
hello_state judge_exactly(std::string_view bytes) {
    const std::vector<char> copy(bytes.begin(), bytes.end());
    return judge({copy.data(), copy.size()});
}

bool same(const client_hello& a, const client_hello& b) {
    return a.server_name == b.server_name && a.alpn == b.alpn && a.tls13 == b.tls13 &&
           a.offers_resumption == b.offers_resumption && a.offers_ecdsa == b.offers_ecdsa;
}

}  // namespace

TEST_CASE("client hello: OpenSSL's own is understood", "[tls]") {
    const auto hello = complete(real_hello({.name = "A.Example.Test", .alpn = true}));
    CHECK(hello.server_name == "a.example.test");
    CHECK(hello.alpn == std::vector<std::string>{"h2", "http/1.1"});
    CHECK(hello.tls13);
    CHECK(hello.offers_ecdsa);
    CHECK_FALSE(hello.offers_resumption);

    const auto plain = complete(real_hello({.max_version = TLS1_2_VERSION, .sigalgs = "RSA+SHA256:RSA-PSS+SHA256"}));
    CHECK(plain.server_name.empty());
    CHECK(plain.alpn.empty());
    CHECK_FALSE(plain.tls13);
    CHECK_FALSE(plain.offers_ecdsa);
}

TEST_CASE("client hello: one may be used for many", "[tls]") {
    client_hello hello;
    REQUIRE(parse_client_hello(real_hello({.name = "a.test", .alpn = true}), hello) == hello_state::complete);
    REQUIRE(parse_client_hello(record(message("")), hello) == hello_state::complete);
    CHECK(same(hello, client_hello{}));
}

TEST_CASE("client hello: resumption is a pre-shared key, or a ticket with something in it", "[tls]") {
    CHECK(complete(record(message(extension(41, "psk")))).offers_resumption);
    CHECK(complete(record(message(extension(35, "ticket")))).offers_resumption);
    CHECK_FALSE(complete(record(message(extension(35, "")))).offers_resumption);
}

TEST_CASE("client hello: ECDSA needs a signature scheme, and below TLS 1.3 a cipher", "[tls]") {
    const auto schemes = extension(13, sized(2, "\x08\x04\x04\x03"s));
    const auto tls13 = extension(43, sized(1, "\x03\x04"s));
    CHECK(complete(record(message(schemes))).offers_ecdsa);
    CHECK(complete(record(message(schemes + tls13, "\x13\x01"s))).offers_ecdsa);
    CHECK_FALSE(complete(record(message(schemes, "\xc0\x2f"s))).offers_ecdsa);
    CHECK_FALSE(complete(record(message(tls13))).offers_ecdsa);
}

TEST_CASE("client hello: GREASE and what else is not known is skipped", "[tls]") {
    const auto hello = complete(record(
        message(extension(0x0a0a, "") + server_name("b.test.") + extension(43, sized(1, "\x1a\x1a\x03\x04\x03\x03"s)) +
                    extension(16, sized(2, sized(1, "\x2a\x2a"s) + sized(1, "h2"))) + extension(0xfafa, "\0"s),
                "\x3a\x3a\x13\x01"s)));
    CHECK(hello.server_name == "b.test");
    CHECK(hello.alpn == std::vector<std::string>{"\x2a\x2a", "h2"});
    CHECK(hello.tls13);
}

TEST_CASE("client hello: what is no TLS is seen from its first bytes", "[tls]") {
    CHECK(judge("G") == hello_state::not_tls);
    CHECK(judge("GET / HTTP/1.1\r\n\r\n") == hello_state::not_tls);
    CHECK(judge("SSH-2.0-OpenSSH_9.2\r\n") == hello_state::not_tls);
    CHECK(judge("\x80\x2e\x01\x00\x02"s) == hello_state::not_tls);          // SSLv2
    CHECK(judge("\x15\x03\x01\x00\x02\x02\x28"s) == hello_state::not_tls);  // an alert comes first from nobody
    CHECK(judge("\x16\x02\x00\x00\x10"s) == hello_state::not_tls);
    CHECK(judge("\x16\x03\x01\x00\x00"s) == hello_state::not_tls);
    CHECK(judge("\x16\x03\x01\xff\xff"s) == hello_state::not_tls);
    CHECK(judge("") == hello_state::incomplete);
    CHECK(judge("\x16") == hello_state::incomplete);
}

TEST_CASE("client hello: what is badly formed is refused", "[tls]") {
    const auto refused = [](const std::string& extensions) {
        return judge(record(message(extensions))) == hello_state::malformed;
    };
    CHECK(judge(record("\x02"s + sized(3, "server hello"))) == hello_state::malformed);
    CHECK(judge(record(message("") + "x")) == hello_state::malformed);  // something after it, in its record
    CHECK(judge(record("\x01"s + sized(3, "\x03\x03"s))) == hello_state::malformed);
    CHECK(judge(record("\x01\0"s) + "\x17\x03\x03"s) == hello_state::malformed);  // other records in between
    CHECK(judge(record(message("", ""))) == hello_state::malformed);
    CHECK(judge(record(message("", "odd"))) == hello_state::malformed);
    CHECK(refused("\0"s));
    CHECK(refused(extension(0, "")));
    CHECK(refused(server_name("")));
    CHECK(refused(server_name("a\0b"s)));
    CHECK(refused(server_name(std::string(256, 'a'))));
    CHECK(refused(server_name("a.test") + server_name("b.test")));
    CHECK(refused(extension(0, sized(2, "\x01"s + sized(2, "a.test")))));
    CHECK(refused(extension(0, sized(2, "\0"s + sized(2, "a.test")) + "x")));
    CHECK(refused(extension(16, "")));
    CHECK(refused(extension(16, sized(2, ""))));
    CHECK(refused(extension(16, sized(2, sized(1, "")))));
    CHECK(refused(extension(16, sized(2, "\x05h2"s))));
    CHECK(refused(extension(13, sized(2, "\x04"s))));
    CHECK(refused(extension(43, sized(1, ""))));
    CHECK_FALSE(refused(server_name(std::string(255, 'a'))));
}

TEST_CASE("client hello: too large is told as soon as it shows", "[tls]") {
    CHECK(judge("\x16\x03\x01\x40\x00\x01\x00\x40\x00"s) == hello_state::too_large);
    CHECK(judge("\x16\x03\x01\x00\x04\x01\x00\x3f\x00"s) == hello_state::incomplete);

    const auto largest = message(extension(21, std::string(16'000, '\0')));
    CHECK(judge(record(largest)) == hello_state::complete);
    // What counts is what was sent: in records of one byte it would be six times as much.
    CHECK(judge(in_records(largest, std::vector<std::size_t>(16'000, 1))) == hello_state::too_large);
}

TEST_CASE("client hello: records and slices do not matter", "[tls][property]") {
    const auto whole = real_hello({.name = "a.example.test", .alpn = true}).substr(5);
    const auto expected = complete(record(whole));

    rc::prop("split into records", [&] {
        const auto sizes = *rc::gen::container<std::vector<std::size_t>>(rc::gen::inRange<std::size_t>(1, 40));
        client_hello hello;
        RC_ASSERT(parse_client_hello(in_records(whole, sizes), hello) == hello_state::complete);
        RC_ASSERT(same(hello, expected));
    });
    rc::prop("a prefix is incomplete, whatever follows the message is not looked at", [&] {
        const auto sizes = *rc::gen::container<std::vector<std::size_t>>(rc::gen::inRange<std::size_t>(1, 200));
        const auto bytes = in_records(whole, sizes);
        const auto cut = *rc::gen::inRange<std::size_t>(0, bytes.size());
        RC_ASSERT(judge_exactly(std::string_view{bytes}.substr(0, cut)) == hello_state::incomplete);
        RC_ASSERT(judge_exactly(bytes + *rc::gen::arbitrary<std::string>()) == hello_state::complete);
    });
}

TEST_CASE("client hello: damage is never more than an answer, and an answer stays", "[tls][property]") {
    const auto good = real_hello({.name = "a.example.test", .alpn = true});
    rc::prop("any bytes", [](const std::string& bytes) { judge_exactly(bytes); });
    rc::prop("any bytes where a message should be", [](const std::string& bytes) {
        judge_exactly(record(bytes));
        judge_exactly(record("\x01"s + sized(3, bytes)));
        judge_exactly(record(message(bytes)));
    });
    rc::prop("nearly a ClientHello: once decided, more bytes change nothing", [&] {
        auto bytes = good;
        for (int changes = *rc::gen::inRange(1, 4); changes > 0; --changes) {
            const auto at = *rc::gen::inRange<std::size_t>(0, bytes.size());
            if (*rc::gen::arbitrary<bool>()) bytes[at] = *rc::gen::arbitrary<char>();
            else bytes.erase(at, *rc::gen::inRange<std::size_t>(1, 5));
        }
        const auto verdict = judge_exactly(bytes);
        bool decided = false;
        for (std::size_t size = 0; size <= bytes.size(); ++size) {
            const auto seen = judge_exactly(std::string_view{bytes}.substr(0, size));
            RC_ASSERT(!decided || seen == verdict);
            decided = decided || seen != hello_state::incomplete;
        }
        RC_CLASSIFY(verdict == hello_state::complete, "complete");
        RC_CLASSIFY(verdict == hello_state::malformed, "malformed");
    });
}
