#include "lib/telemetry/request_id.hpp"

#include <set>
#include <string>

#include "tests/support/property.hpp"

using namespace weir;

TEST_CASE("an id is 32 hexadecimal digits, high half first") {
    CHECK(request_id(0x0123456789abcdef, 0xfedcba9876543210).text() == "0123456789abcdeffedcba9876543210");
    CHECK(request_id(0, 10).text() == "0000000000000000000000000000000a");
}

TEST_CASE("the same seed gives the same ids") {
    request_id_source a{1, 2}, b{1, 2}, c{1, 3};
    CHECK(a.next() == b.next());
    CHECK(a.next() == b.next());
    CHECK_FALSE(a.next() == c.next());
}

TEST_CASE("ids do not repeat, not even over the half alone", "[property]") {
    rc::prop("for any seeds", [](std::uint64_t high, std::uint64_t low) {
        request_id_source one{high, low}, other{high, low + 1};
        std::set<std::string> ids, halves;
        for (int i = 0; i < 500; ++i) {
            const auto id = one.next();
            ids.emplace(id.text());
            halves.emplace(id.text().substr(16));
            ids.emplace(other.next().text());
        }
        RC_ASSERT(ids.size() == 1000u);
        RC_ASSERT(halves.size() == 500u);
    });
}
