#pragma once
/// A 64-bit hash of text that is the same in every process, version and machine.
///
///     stable_hash("10.0.0.11:9000")        // a server's name, in a cookie or in a hash table shared by many weirs
///
/// FNV-1a (Fowler, Noll, Vo; RFC 9923) and the finalizer of MurmurHash3 (A. Appleby, public domain), because the
/// high bits of FNV alone are poor for short names. Not for secrets: who chooses the text can choose the hash. Pure.
#include <cstdint>
#include <string_view>

namespace weir {

/// Every bit of the result depends on every bit of `bits`; different values stay different.
constexpr std::uint64_t mix_bits(std::uint64_t bits) noexcept {
    bits = (bits ^ (bits >> 33)) * 0xff51afd7ed558ccd;
    bits = (bits ^ (bits >> 33)) * 0xc4ceb9fe1a85ec53;
    return bits ^ (bits >> 33);
}

constexpr std::uint64_t stable_hash(std::string_view text) noexcept {
    std::uint64_t hash = 0xcbf29ce484222325;
    for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
    return mix_bits(hash);
}

}  // namespace weir
