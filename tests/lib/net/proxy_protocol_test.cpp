#include "lib/net/proxy_protocol.hpp"

#include <array>

#include "tests/support/property.hpp"

using namespace weir;
using namespace std::string_literals;

namespace {

const std::string v2_signature = "\r\n\r\n\0\r\nQUIT\n"s;

std::string v2(int command, int family, const std::string& payload) {
    std::string out = v2_signature;
    out += static_cast<char>(command);
    out += static_cast<char>(family);
    out += static_cast<char>(payload.size() >> 8);
    out += static_cast<char>(payload.size() & 0xff);
    return out + payload;
}

const std::string four_payload = "\x0a\x00\x00\x01\x0a\x00\x00\x02\x1f\x90\x00\x50"s;
const std::string tlv = "\x04\x00\x03xyz"s;  // NOOP

proxy_header complete(std::string_view bytes) {
    auto parsed = parse_proxy_header(bytes);
    REQUIRE(parsed);
    REQUIRE(*parsed);
    return **parsed;
}

enum class verdict { more, header, error };
verdict judge(std::string_view bytes) {
    const auto parsed = parse_proxy_header(bytes);
    if (!parsed) return verdict::error;
    return *parsed ? verdict::header : verdict::more;
}

/// A valid header with, now and then, one byte changed, one lost or one more.
std::string nearly_a_header() {
    static const std::array<std::string, 10> valid{
        "PROXY TCP4 10.0.0.1 10.0.0.2 8080 80\r\n",
        "PROXY TCP6 2001:db8::1 ::1 1 65535\r\n",
        "PROXY UNKNOWN\r\n",
        "PROXY UNKNOWN ffff::1 whatever\r\n",
        v2(0x21, 0x11, four_payload),
        v2(0x21, 0x11, four_payload + tlv + tlv),
        v2(0x21, 0x21, std::string(36, '\1')),
        v2(0x21, 0x31, "/a" + std::string(214, '\0')),
        v2(0x20, 0x00, ""),
        v2(0x20, 0x77, "anything"),
    };
    auto bytes = *rc::gen::elementOf(valid);
    const auto at = *rc::gen::inRange<std::size_t>(0, bytes.size());
    const auto byte = *rc::gen::oneOf(rc::gen::arbitrary<char>(), rc::gen::elementOf("\r\n \0:0P"s));
    switch (*rc::gen::inRange(0, 4)) {
    case 0: bytes[at] = byte; break;
    case 1: bytes.erase(at, 1); break;
    case 2: bytes.insert(at, 1, byte); break;
    default: break;
    }
    return bytes + *rc::gen::arbitrary<std::string>();
}

}  // namespace

TEST_CASE("version 1 tells source and destination") {
    const auto four = "PROXY TCP4 192.0.2.1 192.0.2.2 56324 443\r\nGET / HTTP/1.1\r\n"s;
    const auto header = complete(four);
    CHECK(header.source.text() == "192.0.2.1:56324");
    CHECK(header.destination.text() == "192.0.2.2:443");
    CHECK_FALSE(header.local);
    CHECK(four.substr(header.bytes) == "GET / HTTP/1.1\r\n");

    const auto six = complete("PROXY TCP6 2001:DB8::1 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 0\r\n");
    CHECK(six.source.text() == "[2001:db8::1]:65535");
    CHECK(six.destination.port() == 0);
}

TEST_CASE("UNKNOWN means: use the connection's own addresses") {
    const auto longest =
        "PROXY UNKNOWN ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n"s;
    REQUIRE(longest.size() == max_proxy_v1_bytes);
    for (const auto& line : {"PROXY UNKNOWN\r\n"s, "PROXY UNKNOWN anything  at all\r\n"s, longest}) {
        const auto header = complete(line);
        CHECK(header.local);
        CHECK(header.source == address{});
        CHECK(header.bytes == line.size());
    }
}

TEST_CASE("version 1 is strict") {
    for (const auto& line : {"GET / HTTP/1.1\r\n"s,
                             "proxy TCP4 1.1.1.1 2.2.2.2 1 2\r\n"s,
                             "PROXY\r\n"s,
                             "PROXY  TCP4 1.1.1.1 2.2.2.2 1 2\r\n"s,
                             "PROXY TCP4 1.1.1.1 2.2.2.2 1\r\n"s,
                             "PROXY TCP4 1.1.1.1 2.2.2.2 1 2 3\r\n"s,
                             "PROXY TCP4 1.1.1.1 2.2.2.2 1 2 \r\n"s,
                             "PROXY TCP4 1.1.1.1  2.2.2.2 1 2\r\n"s,
                             "PROXY TCP4 1.1.1.1 2.2.2.2 1 65536\r\n"s,
                             "PROXY TCP4 1.1.1.1 2.2.2.2 01 2\r\n"s,
                             "PROXY TCP4 1.1.1.1 2.2.2.2 -1 2\r\n"s,
                             "PROXY TCP4 01.1.1.1 2.2.2.2 1 2\r\n"s,
                             "PROXY TCP4 1.1.1 2.2.2.2 1 2\r\n"s,
                             "PROXY TCP4 ::1 ::1 1 2\r\n"s,
                             "PROXY TCP6 1.1.1.1 2.2.2.2 1 2\r\n"s,
                             "PROXY TCP6 [::1] ::1 1 2\r\n"s,
                             "PROXY TCP6 ::1%1 ::1 1 2\r\n"s,
                             "PROXY UDP4 1.1.1.1 2.2.2.2 1 2\r\n"s,
                             "PROXY UNKNOWN\n"s,
                             "PROXY UNKNOWN\rx"s,
                             "PROXY UNKNOWNX\r\n"s,
                             "PROXY TCP4 1.1.1.1 2.2.2.2 1 2\n"s,
                             "PROXY TCP4 1.1.1.1\0 2.2.2.2 1 2\r\n"s}) {
        const auto parsed = parse_proxy_header(line);
        CAPTURE(line);
        REQUIRE_FALSE(parsed);
        CHECK(parsed.error().why == reason::bad_proxy_header);
    }
}

TEST_CASE("a line without end is refused at 107 bytes, not later") {
    const auto line = "PROXY UNKNOWN " + std::string(200, 'x');
    CHECK(judge(line.substr(0, 106)) == verdict::more);
    CHECK(judge(line.substr(0, 107)) == verdict::error);
    CHECK(judge(line.substr(0, 106) + "\r\n") == verdict::error);  // 108
    CHECK(judge(line.substr(0, 105) + "\r\n") == verdict::header);
}

TEST_CASE("version 2 tells source and destination") {
    const auto four = complete(v2(0x21, 0x11, four_payload) + "rest");
    CHECK(four.source.text() == "10.0.0.1:8080");
    CHECK(four.destination.text() == "10.0.0.2:80");
    CHECK(four.bytes == 28);

    const auto with_tlvs = complete(v2(0x21, 0x11, four_payload + tlv + tlv));
    CHECK(with_tlvs.source == four.source);
    CHECK(with_tlvs.bytes == 28 + 2 * tlv.size());

    const auto path = "/run/client"s;
    const auto unix_header = complete(v2(0x21, 0x31, path + std::string(216 - path.size(), '\0')));
    CHECK(unix_header.source == address::unix_socket(path));
    CHECK(unix_header.destination == address::unix_socket());
}

TEST_CASE("LOCAL, UNSPEC and datagrams leave the connection's own addresses") {
    for (const auto& bytes :
         {v2(0x20, 0x00, ""), v2(0x20, 0x11, four_payload), v2(0x20, 0xff, "junk"), v2(0x21, 0x00, "junk"),
          v2(0x21, 0x12, four_payload), v2(0x21, 0x22, std::string(36, 'x'))}) {
        const auto header = complete(bytes + "rest");
        CHECK(header.local);
        CHECK(header.source == address{});
        CHECK(header.bytes == bytes.size());
    }
}

TEST_CASE("version 2 is strict, and as soon as it can be") {
    const auto good = v2(0x21, 0x11, four_payload);
    const auto with = [&](std::size_t at, int byte) {
        auto bytes = good;
        bytes[at] = static_cast<char>(byte);
        return bytes;
    };
    CHECK(judge(with(3, 'x').substr(0, 4)) == verdict::error);
    CHECK(judge(with(12, 0x11).substr(0, 13)) == verdict::error);  // version 1
    CHECK(judge(with(12, 0x22).substr(0, 13)) == verdict::error);  // command 2
    for (const int family : {0x01, 0x10, 0x13, 0x41, 0x33})
        CHECK(judge(with(13, family).substr(0, 14)) == verdict::error);
    CHECK(judge(v2(0x21, 0x11, four_payload.substr(1)).substr(0, 16)) == verdict::error);
    CHECK(judge(v2(0x21, 0x31, std::string(215, '\0')).substr(0, 16)) == verdict::error);
    CHECK(judge(v2(0x21, 0x11, four_payload + "\x04")) == verdict::error);
    CHECK(judge(v2(0x21, 0x11, four_payload + "\x04\x00\x04xyz"s)) == verdict::error);
    CHECK(judge(v2(0x21, 0x31, std::string(216, 'x'))) == verdict::error);  // a path that does not end
    CHECK(judge(v2(0x20, 0x00, std::string(4096, 'x'))) == verdict::header);
    CHECK(judge(v2(0x20, 0x00, std::string(4097, 'x')).substr(0, 16)) == verdict::error);
}

TEST_CASE("what cannot be said is said to be unknown") {
    const auto ip = address::parse("1.2.3.4:5").value();
    const auto path = address::unix_socket("/a").value();
    for (const auto& [source, destination] :
         {std::pair{ip, path}, {path, ip}, {ip, address{}}, {address{}, address{}}}) {
        std::string one, two;
        append_proxy_v1(one, source, destination);
        append_proxy_v2(two, source, destination);
        CHECK(one == "PROXY UNKNOWN\r\n");
        CHECK(complete(two).local);
    }
    std::string one, two;
    append_proxy_v1(one, path, path);
    CHECK(one == "PROXY UNKNOWN\r\n");
    append_proxy_v2(two, path, path);
    CHECK(complete(two).source == path);
}

TEST_CASE("both families together are written as IPv6") {
    const auto four = address::parse("1.2.3.4:5").value(), six = address::parse("[2001:db8::1]:80").value();
    std::string one;
    append_proxy_v1(one, four, six);
    CHECK(one == "PROXY TCP6 ::ffff:1.2.3.4 2001:db8::1 5 80\r\n");
}

TEST_CASE("writing and reading cancel out", "[property]") {
    rc::prop("for any pair of IP addresses, in both versions",
             [](bool text, bool source_is_four, bool destination_is_four) {
        const auto any = [](bool four) {
            auto ip = *rc::gen::container<address::ip_bytes>(rc::gen::arbitrary<std::uint8_t>());
            const auto port = *rc::gen::arbitrary<std::uint16_t>();
            return four ? address::inet4({ip[0], ip[1], ip[2], ip[3]}, port) : address::inet(ip, port);
        };
        const auto source = any(source_is_four), destination = any(destination_is_four);
        std::string bytes;
        text ? append_proxy_v1(bytes, source, destination) : append_proxy_v2(bytes, source, destination);
        RC_ASSERT(!text || bytes.size() <= max_proxy_v1_bytes);
        const auto parsed = parse_proxy_header(bytes + "rest");
        RC_ASSERT(parsed.has_value());
        RC_ASSERT(parsed->has_value());
        RC_ASSERT((*parsed)->source == source);
        RC_ASSERT((*parsed)->destination == destination);
        RC_ASSERT((*parsed)->bytes == bytes.size());
    });
}

TEST_CASE("slicing changes nothing", "[property]") {
    rc::prop("every beginning is either incomplete or already has the final answer", [] {
        const auto bytes = nearly_a_header();
        const auto final = parse_proxy_header(bytes);
        for (std::size_t n = 0; n < bytes.size(); ++n) {
            const auto part = parse_proxy_header(std::string_view{bytes}.substr(0, n));
            if (!part) {
                RC_ASSERT(!final);
                RC_ASSERT(part.error().doing == final.error().doing);
            } else if (*part) {
                RC_ASSERT(final.has_value());
                RC_ASSERT(final->has_value());
                RC_ASSERT((*part)->source == (*final)->source);
                RC_ASSERT((*part)->destination == (*final)->destination);
                RC_ASSERT((*part)->local == (*final)->local);
                RC_ASSERT((*part)->bytes == (*final)->bytes);
                RC_ASSERT((*part)->bytes <= n);
            }
        }
        if (bytes.size() >= max_proxy_header_bytes) RC_ASSERT(!final || final->has_value());
    });
}
