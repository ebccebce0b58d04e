#include "lib/telemetry/request_id.hpp"

#include <bit>
#include <cstring>

namespace weir {
namespace {

/// The finaliser of SplitMix64: a permutation of the 64-bit numbers.
std::uint64_t mixed(std::uint64_t n) noexcept {
    n = (n ^ (n >> 30)) * 0xbf58476d1ce4e5b9;
    n = (n ^ (n >> 27)) * 0x94d049bb133111eb;
    return n ^ (n >> 31);
}

/// The 16 digits of a number at once, in a vector register where the machine has one: each nibble into a byte of its
/// own, then to '0'..'9' or 'a'..'f' without a branch.
void put_hex(char* to, std::uint64_t n) noexcept {
    using halves = std::uint64_t __attribute__((vector_size(16)));
    using lanes = signed char __attribute__((vector_size(16)));
    if constexpr (std::endian::native == std::endian::little) n = __builtin_bswap64(n);
    constexpr std::uint64_t low_nibbles = 0x0f0f0f0f0f0f0f0f;
    const auto high = reinterpret_cast<lanes>(halves{n >> 4 & low_nibbles, 0});
    const auto low = reinterpret_cast<lanes>(halves{n & low_nibbles, 0});
    const auto nibbles = __builtin_shufflevector(high, low, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
    const lanes digits = nibbles + '0' + ((nibbles > 9) & ('a' - '0' - 10));
    std::memcpy(to, &digits, sizeof digits);
}

}  // namespace

request_id::request_id(std::uint64_t high, std::uint64_t low) noexcept {
    put_hex(text_.data(), high);
    put_hex(text_.data() + 16, low);
}

request_id request_id_source::next() noexcept {
    // Two odd steps: the low half alone runs through all 2^64 values before one comes again.
    high_ += 0x9e3779b97f4a7c15;
    low_ += 0xd1342543de82ef95;
    return {mixed(high_), mixed(low_)};
}

}  // namespace weir
