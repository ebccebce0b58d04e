#include "lib/resilience/keyed_limit.hpp"

#include <algorithm>
#include <bit>

#include "lib/resilience/stable_hash.hpp"

namespace weir {

keyed_limit::keyed_limit(const token_rate& rate, std::size_t places, std::uint64_t seed)
    : rate_{rate}, seed_{seed}, sets_(std::bit_ceil((places + ways - 1) / ways)) {}

std::optional<std::chrono::seconds> keyed_limit::take(std::uint64_t key, time_point now) noexcept {
    auto& bucket = bucket_of(key, now);
    if (bucket.take(rate_, now)) return std::nullopt;
    return std::chrono::ceil<std::chrono::seconds>(bucket.until_next(rate_, now));  // not now, so one at least
}

token_bucket& keyed_limit::bucket_of(std::uint64_t key, time_point now) noexcept {
    auto& among = sets_[mix_bits(key ^ seed_) & (sets_.size() - 1)];
    const auto known = std::ranges::find(among, key, &place::key);
    if (known != among.end()) return known->bucket;
    const auto soonest =
        std::ranges::min_element(among, {}, [&](const place& p) { return p.bucket.until_full(rate_, now); });
    *soonest = {.key = key, .bucket = {}};
    return soonest->bucket;
}

}  // namespace weir
