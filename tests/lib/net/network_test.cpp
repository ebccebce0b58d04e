#include "lib/net/network.hpp"

#include "tests/support/property.hpp"

using namespace weir;

namespace {

void add(network_set& set, std::string_view base, int prefix) {
    std::uint8_t bytes[16];
    const auto ip = address::parse_ip(base).value().ip();
    std::copy(ip.begin(), ip.end(), bytes);
    set.add(bytes, prefix);
}

bool holds(const network_set& set, std::string_view ip) { return set.contains(address::parse_ip(ip).value()); }

int common_bits(const address::ip_bytes& a, const address::ip_bytes& b) {
    for (int i = 0; i < 128; ++i) {
        const auto mask = 0x80 >> i % 8;
        if ((a[static_cast<std::size_t>(i / 8)] & mask) != (b[static_cast<std::size_t>(i / 8)] & mask)) return i;
    }
    return 128;
}

}  // namespace

TEST_CASE("a network holds its addresses and no others") {
    network_set set;
    CHECK(set.empty());
    CHECK_FALSE(holds(set, "10.0.0.1"));
    add(set, "10.0.0.0", 96 + 8);
    add(set, "192.168.1.128", 96 + 25);
    add(set, "2001:db8::", 32);
    CHECK_FALSE(set.empty());
    CHECK(holds(set, "10.255.0.1"));
    CHECK_FALSE(holds(set, "11.0.0.0"));
    CHECK(holds(set, "192.168.1.128"));
    CHECK_FALSE(holds(set, "192.168.1.127"));
    CHECK(holds(set, "2001:db8:ffff::1"));
    CHECK_FALSE(holds(set, "2001:db9::1"));
    CHECK(holds(set, "::ffff:10.0.0.1"));
    CHECK_FALSE(set.contains(address::unix_socket().value()));
    CHECK_FALSE(set.contains(address{}));
}

TEST_CASE("prefixes 0 and 128 are everybody and one") {
    network_set everybody, one;
    add(everybody, "::", 0);
    add(one, "::1", 128);
    CHECK(holds(everybody, "1.2.3.4"));
    CHECK(holds(everybody, "fe80::1"));
    CHECK_FALSE(everybody.contains(address::unix_socket("/x").value()));
    CHECK(holds(one, "::1"));
    CHECK_FALSE(holds(one, "::"));
}

TEST_CASE("Unix peers are a network of their own") {
    network_set set;
    set.add_unix();
    CHECK_FALSE(set.empty());
    CHECK(set.contains(address::unix_socket().value()));
    CHECK_FALSE(holds(set, "127.0.0.1"));
}

TEST_CASE("membership is agreement in the prefix's bits", "[property]") {
    rc::prop("for any base, prefix and flipped bit", [] {
        const auto base = *rc::gen::container<address::ip_bytes>(rc::gen::arbitrary<std::uint8_t>());
        const auto prefix = *rc::gen::inRange(0, 129);
        const auto flipped = *rc::gen::inRange<std::size_t>(0, 128);
        std::uint8_t bytes[16];
        std::copy(base.begin(), base.end(), bytes);
        network_set set;
        set.add(bytes, prefix);
        auto other = base;
        other[flipped / 8] = static_cast<std::uint8_t>(other[flipped / 8] ^ 0x80 >> flipped % 8);
        RC_ASSERT(set.contains(address::inet(base, 0)));
        RC_ASSERT(set.contains(address::inet(other, 0)) == (common_bits(base, other) >= prefix));
    });
}
