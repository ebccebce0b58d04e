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

/// The 8 digits of a 32-bit number at once: each nibble into a byte of its own, then to '0'..'9' or 'a'..'f' without a
/// branch.
void put_hex(char* to, std::uint32_t n) noexcept {
    std::uint64_t nibbles = n;
    nibbles = (nibbles << 16 | nibbles) & 0x0000ffff0000ffff;
    nibbles = (nibbles << 8 | nibbles) & 0x00ff00ff00ff00ff;
    nibbles = (nibbles << 4 | nibbles) & 0x0f0f0f0f0f0f0f0f;
    const std::uint64_t is_letter = (nibbles + 0x0606060606060606) >> 4 & 0x0101010101010101;
    std::uint64_t digits = nibbles + 0x3030303030303030 + is_letter * ('a' - '0' - 10);
    if constexpr (std::endian::native == std::endian::little) digits = __builtin_bswap64(digits);
    std::memcpy(to, &digits, sizeof digits);
}

}  // namespace

request_id::request_id(std::uint64_t high, std::uint64_t low) noexcept {
    put_hex(text_.data(), static_cast<std::uint32_t>(high >> 32));
    put_hex(text_.data() + 8, static_cast<std::uint32_t>(high));
    put_hex(text_.data() + 16, static_cast<std::uint32_t>(low >> 32));
    put_hex(text_.data() + 24, static_cast<std::uint32_t>(low));
}

request_id request_id_source::next() noexcept {
    // Two odd steps: the low half alone runs through all 2^64 values before one comes again.
    high_ += 0x9e3779b97f4a7c15;
    low_ += 0xd1342543de82ef95;
    return {mixed(high_), mixed(low_)};
}

}  // namespace weir
