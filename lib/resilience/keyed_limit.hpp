#pragma once
/// A rate for each client: a token bucket per key, in a table of fixed size.
///
///     keyed_limit per_client{{.tokens = 100, .per = 1s, .burst = 100}, 65'536, chance()};
///     if (const auto wait = per_client.take(hash_of(client_address), now)) refuse(429, *wait);   // Retry-After: seconds
///
/// Memory is 24 bytes a place, whatever comes. The table is divided into sets of eight places; a key that finds its set
/// full replaces the one whose bucket will be full the soonest. That is the least recently used of those that came
/// equally often, and forgetting a full bucket changes nothing: so one who keeps to the rate loses nothing, and one at its
/// limit is not forgotten for newcomers. Only when more keys than places are in use at once may one come back sooner than
/// it should and find its burst restored.
///
/// Keys are 64-bit hashes; two clients with the same one share a bucket. `seed` keeps others from filling one set on
/// purpose. O(1), allocates once. Pure; not thread-safe.
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "lib/resilience/token_bucket.hpp"

namespace weir {

class keyed_limit {
public:
    /// `places` is rounded up to a power of two, at least eight.
    keyed_limit(const token_rate& rate, std::size_t places, std::uint64_t seed);

    /// Nothing: go ahead. Else the whole seconds after which it is worth coming back, at least one.
    std::optional<std::chrono::seconds> take(std::uint64_t key, time_point now) noexcept;

    std::size_t places() const noexcept { return sets_.size() * ways; }

private:
    static constexpr std::size_t ways = 8;

    struct place {
        std::uint64_t key = 0;  // an unused place is a full bucket of the key 0: nothing to tell apart
        token_bucket bucket;
    };
    using set = std::array<place, ways>;

    token_bucket& bucket_of(std::uint64_t key, time_point now) noexcept;

    token_rate rate_;
    std::uint64_t seed_;
    std::vector<set> sets_;
};

}  // namespace weir
