#include "lib/resilience/stable_hash.hpp"

#include <bit>
#include <string>

#include "tests/support/property.hpp"

using namespace weir;

TEST_CASE("the hash is the published one, for ever") {
    // FNV-1a's own test vectors, then the finalizer; and the results, which stand in clients' cookies.
    STATIC_REQUIRE(stable_hash("") == mix_bits(0xcbf29ce484222325));
    STATIC_REQUIRE(stable_hash("a") == mix_bits(0xaf63dc4c8601ec8c));
    STATIC_REQUIRE(stable_hash("foobar") == mix_bits(0x85944171f73967e8));
    STATIC_REQUIRE(mix_bits(0) == 0);
    STATIC_REQUIRE(mix_bits(1) == 0xb456bcfc34c2cb2c);  // MurmurHash3's fmix64
}

TEST_CASE("names that differ little have hashes that differ much", "[property]") {
    rc::prop("half of the bits, give or take", [](const std::string& name, char a, char b) {
        RC_PRE(a != b);
        RC_ASSERT(std::popcount(stable_hash(name + a) ^ stable_hash(name + b)) >= 8);
    });
}
