#pragma once
/// The source of randomness that is passed in wherever chance decides: small, fast, and the same for the same seed.
///
///     random_source chance{seed};                      // one per worker; a fixed seed in tests
///     chance.below(6)                                  // 0 to 5
///     std::uniform_int_distribution{1, 6}(chance)      // a UniformRandomBitGenerator too
///
/// xoshiro256**, its state filled by SplitMix64: Blackman and Vigna, "Scrambled linear pseudorandom number generators",
/// ACM TOMS 2021. 32 bytes. Not for secrets. Belongs to one thread.
#include <array>
#include <bit>
#include <cassert>
#include <cstdint>

namespace weir {

class random_source {
public:
    using result_type = std::uint64_t;

    explicit random_source(std::uint64_t seed) noexcept {
        for (auto& word : state_) {
            seed += 0x9e3779b97f4a7c15;
            word = (seed ^ (seed >> 30)) * 0xbf58476d1ce4e5b9;
            word = (word ^ (word >> 27)) * 0x94d049bb133111eb;
            word ^= word >> 31;
        }
    }

    static constexpr result_type min() noexcept { return 0; }
    static constexpr result_type max() noexcept { return ~result_type{0}; }
    result_type operator()() noexcept {
        const auto drawn = std::rotl(state_[1] * 5, 7) * 9;
        const auto shifted = state_[1] << 17;
        state_[2] ^= state_[0];
        state_[3] ^= state_[1];
        state_[1] ^= state_[2];
        state_[0] ^= state_[3];
        state_[2] ^= shifted;
        state_[3] = std::rotl(state_[3], 45);
        return drawn;
    }

    /// Uniform in [0, end), end > 0. By multiplication (Lemire, ACM TOMACS 2019) without its rejection step: the bias
    /// is under end / 2^32, and an end here is a number of servers or a sum of weights.
    std::uint32_t below(std::uint32_t end) noexcept {
        assert(end > 0);
        return static_cast<std::uint32_t>(((*this)() >> 32) * end >> 32);
    }

    /// Uniform in [0, 1).
    double unit() noexcept { return static_cast<double>((*this)() >> 11) * 0x1p-53; }

private:
    std::array<std::uint64_t, 4> state_;
};

}  // namespace weir
