#include "lib/net/address.hpp"

#include <netinet/in.h>
#include <sys/un.h>

#include <algorithm>
#include <cstring>
#include <unordered_set>

#include "tests/support/property.hpp"

using namespace weir;

namespace {

std::string ip_text(std::string_view ip) {
    std::string out;
    address::parse_ip(ip).value().append_ip_to(out);
    return out;
}

address through_the_kernels_form(const address& a) {
    sockaddr_storage raw;
    const auto length = a.to(raw);
    return address::from(raw, length).value();
}

/// Zero groups and the mapped prefix are rare among random bytes, and are what the text form is about.
address::ip_bytes interesting_ip() {
    auto ip = *rc::gen::container<address::ip_bytes>(rc::gen::arbitrary<std::uint8_t>());
    const auto zero_groups = *rc::gen::arbitrary<std::uint8_t>();
    for (std::size_t i = 0; i < 8; ++i)
        if (zero_groups >> i & 1) ip[2 * i] = ip[2 * i + 1] = 0;
    if (*rc::gen::inRange(0, 4) == 0) {
        std::fill_n(ip.begin(), 10, std::uint8_t{0});
        ip[10] = ip[11] = 0xff;
    }
    return ip;
}

}  // namespace

TEST_CASE("an address reads and writes the forms people write") {
    for (const auto* text : {"127.0.0.1:80", "0.0.0.0:0", "255.255.255.255:65535", "[::1]:80", "[::]:0",
                             "[2001:db8::1]:443", "unix:/run/app.sock"}) {
        const auto read = address::parse(text);
        REQUIRE(read);
        CHECK(read->text() == text);
    }
}

TEST_CASE("an address refuses everything else") {
    for (const auto* text : {"",
                             ":",
                             "80",
                             ":80",
                             "127.0.0.1",
                             "127.0.0.1:",
                             "127.0.0.1:65536",
                             "127.0.0.1:080",
                             "127.0.0.1:-1",
                             "127.0.0.1:+1",
                             "127.0.0.1:80 ",
                             " 127.0.0.1:80",
                             "127.1:80",
                             "127.0.0.01:80",
                             "256.0.0.1:80",
                             "::1:80",
                             "[::1]",
                             "[::1]80",
                             "[::1:80",
                             "::1]:80",
                             "[127.0.0.1]:80",
                             "[::1%lo]:80",
                             "localhost:80",
                             "unix:",
                             "[[::1]]:80"})
        CHECK_FALSE(address::parse(text));
    CHECK_FALSE(address::parse(std::string_view{"127.0.0.1\0:80", 13}));
    CHECK_FALSE(address::parse(std::string_view{"unix:/a\0b", 9}));
    CHECK_FALSE(address::parse("unix:" + std::string(108, 'x')));
    CHECK(address::parse("unix:" + std::string(107, 'x')));
}

TEST_CASE("IPv6 is written as RFC 5952 wants it") {
    CHECK(ip_text("2001:0DB8:0:0:0:0:0:1") == "2001:db8::1");
    CHECK(ip_text("2001:db8:0:1:1:1:1:1") == "2001:db8:0:1:1:1:1:1");  // one zero group is not shortened
    CHECK(ip_text("2001:0:0:1:0:0:0:1") == "2001:0:0:1::1");           // the longest run
    CHECK(ip_text("2001:db8:0:0:1:0:0:1") == "2001:db8::1:0:0:1");     // the first of equals
    CHECK(ip_text("1:0:0:0:0:0:0:0") == "1::");
    CHECK(ip_text("0:0:0:0:0:0:0:0") == "::");
    CHECK(ip_text("1:2:3:4:5:6:0:0") == "1:2:3:4:5:6::");
    CHECK(ip_text("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff") == "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff");
    CHECK(ip_text("10.0.0.1") == "10.0.0.1");
}

TEST_CASE("an IPv4-mapped address is the IPv4 address") {
    const auto mapped = address::parse("[::ffff:10.1.2.3]:80").value();
    const auto plain = address::parse("10.1.2.3:80").value();
    CHECK(mapped == plain);
    CHECK(mapped.hash() == plain.hash());
    CHECK(mapped.kind() == address::family::ipv4);
    CHECK(mapped.text() == "10.1.2.3:80");

    sockaddr_in6 in{};
    in.sin6_family = AF_INET6;
    in.sin6_port = htons(80);
    in.sin6_scope_id = 7;
    std::memcpy(&in.sin6_addr, mapped.ip().data(), 16);
    CHECK(address::from(reinterpret_cast<sockaddr*>(&in), sizeof in) == plain);
    sockaddr_storage raw;
    CHECK(mapped.to(raw) == sizeof(sockaddr_in));
    CHECK(raw.ss_family == AF_INET);
}

TEST_CASE("Unix sockets have a path, an abstract name or none") {
    const auto file = address::unix_socket("/run/a").value();
    const auto abstract = address::unix_socket(std::string_view{"\0a\0b", 4}).value();
    const auto unnamed = address::unix_socket().value();
    for (const auto& a : {file, abstract, unnamed}) {
        CHECK(through_the_kernels_form(a) == a);
        CHECK(a.kind() == address::family::unix_socket);
        CHECK(a.is_loopback());
        CHECK(a.port() == 0);
    }
    CHECK(file.text() == "unix:/run/a");
    CHECK(abstract.text() == std::string("unix:@a\0b", 9));
    CHECK(unnamed.text() == "unix:");
    CHECK(file != unnamed);
    CHECK(file != address::unix_socket("/run/b"));
    CHECK(file == address::unix_socket("/run/a"));  // by name, not by storage
    std::string ip;
    file.append_ip_to(ip);
    CHECK(ip == "unix:");

    sockaddr_un padded{};  // as accept gives it: longer than the path
    padded.sun_family = AF_UNIX;
    std::strcpy(padded.sun_path, "/run/a");
    CHECK(address::from(reinterpret_cast<sockaddr*>(&padded), sizeof padded) == file);
}

TEST_CASE("what the kernel gives must be long enough and known") {
    sockaddr_storage raw;
    const auto length = address::parse("1.2.3.4:5")->to(raw);
    CHECK_FALSE(address::from(raw, length - 1));
    CHECK_FALSE(address::from(raw, 1));
    CHECK_FALSE(address::from(nullptr, 0));
    raw.ss_family = AF_UNSPEC;
    CHECK_FALSE(address::from(raw, length));
}

TEST_CASE("the empty address is nobody's") {
    const address none;
    sockaddr_storage raw;
    CHECK(none.to(raw) == 0);
    CHECK(none.text() == "-");
    CHECK(none.kind() == address::family::none);
    CHECK_FALSE(none.is_loopback());
    CHECK(none != address::unix_socket());
    CHECK(none == address{});
}

TEST_CASE("loopback is known in both families") {
    CHECK(address::parse("127.9.9.9:1")->is_loopback());
    CHECK(address::parse("[::1]:1")->is_loopback());
    CHECK_FALSE(address::parse("128.0.0.1:1")->is_loopback());
    CHECK_FALSE(address::parse("[::2]:1")->is_loopback());
}

TEST_CASE("port and zone tell addresses apart") {
    const auto a = address::parse("[fe80::1]:80").value();
    CHECK(a.with_port(81).port() == 81);
    CHECK(a.with_port(81) != a);
    CHECK(a.with_port(81).with_port(80) == a);
    const auto zoned = address::inet(a.ip(), 80, 3);
    CHECK(zoned != a);
    CHECK(zoned.text() == a.text());  // a zone is ours alone
    CHECK(through_the_kernels_form(zoned) == zoned);
    CHECK(address::unix_socket("/x")->with_port(5) == address::unix_socket("/x"));
    std::unordered_set<address> set{a, zoned, a.with_port(81), a};
    CHECK(set.size() == 3);
}

TEST_CASE("text and the kernel's form lose nothing", "[property]") {
    rc::prop("for any IP address and port", [] {
        const auto a = address::inet(interesting_ip(), *rc::gen::arbitrary<std::uint16_t>());
        std::string text;
        text.reserve(address::max_text_bytes);
        const auto* storage = text.data();
        a.append_to(text);
        RC_ASSERT(text.data() == storage);
        RC_ASSERT(address::parse(text) == a);
        RC_ASSERT(through_the_kernels_form(a) == a);
    });
    rc::prop("whatever is read is written the same way ever after", [](const std::string& text) {
        if (const auto a = address::parse(text)) RC_ASSERT(address::parse(a->text()) == a);
    });
}

TEST_CASE("addresses are totally ordered", "[property]") {
    rc::prop("order agrees with equality and hash", [] {
        const auto ip = interesting_ip();
        const auto other = *rc::gen::inRange(0, 2) == 0 ? ip : interesting_ip();
        const auto a = address::inet(ip, *rc::gen::inRange<std::uint16_t>(0, 3));
        const auto b = address::inet(other, *rc::gen::inRange<std::uint16_t>(0, 3));
        RC_ASSERT((a == b) == (a.ip() == b.ip() && a.port() == b.port()));
        RC_ASSERT((a < b) == (b > a));
        RC_ASSERT((a < b) + (b < a) + (a == b) == 1);
        if (a == b) RC_ASSERT(a.hash() == b.hash());
    });
}
