#pragma once
/// Copies a value into a log line if none of its bytes needs escaping; the fast way for what nearly every value is.
///
///     if (copy_clean<0x21>(to, value)) to += value.size();
///     else escape(value);
///
/// Clean is printable ASCII from `lowest` on, but neither `"` nor `\`. Sixteen bytes are judged at once, in a vector
/// register where the machine has one (GCC's and clang's vector types, so no instruction set is named here). A value
/// shorter than that, or the rest of a longer one, is covered by loads that overlap: nothing outside of it is ever
/// read, and nothing behind `to + value.size()` written. Pure.
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace weir {
namespace clean_copy_parts {

using lanes = signed char __attribute__((vector_size(16)));
using halves = std::uint64_t __attribute__((vector_size(16)));

template <unsigned char lowest>
inline constexpr auto clean_table = [] {
    std::array<bool, 256> clean{};
    for (unsigned c = lowest; c < 0x7f; ++c) clean[c] = c != '"' && c != '\\';
    return clean;
}();

/// All bits of a lane where its byte is not clean; bytes from 0x80 on are negative.
template <unsigned char lowest>
inline lanes dirty_lanes(lanes bytes) noexcept {
    return (bytes < static_cast<signed char>(lowest)) | (bytes == 0x7f) | (bytes == '"') | (bytes == '\\');
}

inline bool none(lanes marks) noexcept {
    const auto both = reinterpret_cast<halves>(marks);
    return (both[0] | both[1]) == 0;
}

template <class T>
inline T load(const char* from) noexcept {
    T value;
    std::memcpy(&value, from, sizeof value);
    return value;
}

/// The first and the last `sizeof(T)` of `n` bytes, which overlap unless `n` is twice that.
template <class T, unsigned char lowest>
[[gnu::always_inline]] inline bool copy_two(char* to, const char* from, std::size_t n) noexcept {
    const auto first = load<T>(from), last = load<T>(from + n - sizeof(T));
    std::memcpy(to, &first, sizeof(T));
    std::memcpy(to + n - sizeof(T), &last, sizeof(T));
    if constexpr (sizeof(T) == 16) {
        return none(dirty_lanes<lowest>(first) | dirty_lanes<lowest>(last));
    } else {
        halves both = {first, last};
        if constexpr (sizeof(T) == 4) both[0] = both[1] = std::uint64_t{first} << 32 | last;
        return none(dirty_lanes<lowest>(reinterpret_cast<lanes>(both)));
    }
}

}  // namespace clean_copy_parts

template <unsigned char lowest>
inline bool is_clean(char c) noexcept {
    return clean_copy_parts::clean_table<lowest>[static_cast<unsigned char>(c)];
}

/// False: something in `value` is not clean, and what stands at `to` is of no use. There must be room for all of it.
template <unsigned char lowest>
[[gnu::always_inline]] inline bool copy_clean(char* to, std::string_view value) noexcept {
    using namespace clean_copy_parts;
    const char* from = value.data();
    std::size_t n = value.size();
    for (; n > 32; n -= 16, from += 16, to += 16) {
        const auto bytes = load<lanes>(from);
        if (!none(dirty_lanes<lowest>(bytes))) return false;
        std::memcpy(to, &bytes, sizeof bytes);
    }
    if (n >= 16) return copy_two<lanes, lowest>(to, from, n);
    if (n >= 8) return copy_two<std::uint64_t, lowest>(to, from, n);
    if (n >= 4) return copy_two<std::uint32_t, lowest>(to, from, n);
    for (std::size_t i = 0; i < n; ++i) {
        if (!is_clean<lowest>(from[i])) return false;
        to[i] = from[i];
    }
    return true;
}

}  // namespace weir
