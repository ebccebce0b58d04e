#include "tests/support/origin_digest.hpp"

#include "tests/support/property.hpp"

TEST_CASE("origin: sums and codings give the published values") {
    CHECK(origin::hex16(origin::fnv1a("")) == "cbf29ce484222325");
    CHECK(origin::hex16(origin::fnv1a("foobar")) == "85944171f73967e8");
    CHECK(origin::websocket_accept("dGhlIHNhbXBsZSBub25jZQ==") == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");  // RFC 6455, 1.3
    CHECK(origin::base64_decoded("Zm9vYg==") == "foob");
    CHECK(origin::base64_decoded("Zm9vYmE") == "fooba");
    CHECK_FALSE(origin::base64_decoded("Zm9vY"));
    CHECK(origin::hex_decoded("0d0A") == "\r\n");
    CHECK_FALSE(origin::hex_decoded("0"));
    CHECK(origin::percent_decoded("a%20b+") == "a b+");
    CHECK_FALSE(origin::percent_decoded("%2"));
}

TEST_CASE("origin: the known text is the same however it is read", "[property]") {
    rc::prop("pieces join", [] {
        const auto offset = *rc::gen::inRange<std::uint64_t>(0, 1ull << 40);
        const auto first = *rc::gen::inRange<std::size_t>(0, 200'000),
                   second = *rc::gen::inRange<std::size_t>(0, 200'000);
        const auto whole = origin::known_bytes(offset, first + second);
        RC_ASSERT(whole == origin::known_bytes(offset, first) + origin::known_bytes(offset + first, second));
        RC_ASSERT(!origin::first_difference(whole, offset));
    });
    rc::prop("one wrong byte is found where it is", [] {
        const auto n = *rc::gen::inRange<std::size_t>(1, 200'000);
        const auto at = *rc::gen::inRange<std::size_t>(0, n);
        auto bytes = origin::known_bytes(7, n);
        bytes[at] = '!';
        RC_ASSERT(origin::first_difference(bytes, 7) == at);
    });
    CHECK(origin::first_difference(origin::known_bytes(65536, 100), 0) == 0u);  // a lost buffer is noticed
}
