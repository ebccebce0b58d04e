#include "lib/tls/placement.hpp"

#include "tests/support/catch.hpp"

using namespace weir;
using namespace weir::tls;

namespace {

constexpr time_point start{1h};
constexpr bool nobody_waits = false, others_wait = true;

placement_policy tenth() {
    placement_policy policy;
    policy.share_permille = 100;
    policy.burst = 2ms;
    policy.most_here = 1ms;
    return policy;
}

}  // namespace

TEST_CASE("placement: calm times compute on the loop, a storm goes to the pool", "[tls]") {
    handshake_placement placement{tenth()};
    unsigned here = 0;
    for (int i = 0; i < 1000; ++i) {  // one each millisecond, 400 us each
        const auto now = start + i * 1ms;
        if (!placement.runs_here(handshake_kind::ecdsa, nobody_waits, now)) continue;
        placement.ran_here(handshake_kind::ecdsa, 400us, now);
        ++here;
    }
    CHECK(here >= 250);  // a tenth of a second, and the burst
    CHECK(here <= 256);
    CHECK(placement.runs_here(handshake_kind::ecdsa, nobody_waits, start + 2s));  // calm again
}

TEST_CASE("placement: what would hold up the loop for too long never runs there", "[tls]") {
    handshake_placement placement{tenth()};
    CHECK_FALSE(placement.runs_here(handshake_kind::long_rsa, nobody_waits, start));
    for (int i = 0; i < 40; ++i) placement.learned(handshake_kind::ecdsa, 3ms);
    CHECK_FALSE(placement.runs_here(handshake_kind::ecdsa, nobody_waits, start));
}

TEST_CASE("placement: a machine that turns out fast gets its long keys back", "[tls]") {
    handshake_placement placement{tenth()};
    for (int i = 0; i < 40; ++i) placement.learned(handshake_kind::long_rsa, 700us);
    CHECK(placement.runs_here(handshake_kind::long_rsa, nobody_waits, start));
}

TEST_CASE("placement: tickets that are worth nothing make resumption a costly kind", "[tls]") {
    handshake_placement placement{tenth()};
    CHECK(placement.runs_here(handshake_kind::resumption, nobody_waits, start));
    for (int i = 0; i < 40; ++i) placement.learned(handshake_kind::resumption, 2ms);
    CHECK_FALSE(placement.runs_here(handshake_kind::resumption, nobody_waits, start + 10s));
}

TEST_CASE("placement: while others wait for a thread only a cheap step passes them", "[tls]") {
    handshake_placement placement{tenth()};
    CHECK(placement.runs_here(handshake_kind::ecdsa, nobody_waits, start));
    CHECK_FALSE(placement.runs_here(handshake_kind::ecdsa, others_wait, start));
    CHECK(placement.runs_here(handshake_kind::resumption, others_wait, start));
}
