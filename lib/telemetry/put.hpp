#pragma once
/// Text and numbers, written one behind the other into memory that is known to be large enough.
///
///     char line[64];
///     char* end = put(put(line, name), "=");           // each returns where it stopped
///     end = put_number(end, 1520);
///
/// What a log line or a message head is made of is short, a dozen pieces of it: a call of memcpy for each costs more
/// than the copying. So short text is copied inline by two loads that overlap; nothing outside of it is ever read, and
/// nothing behind it written. Pure; no terminating zero.
#include <array>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace weir {
namespace put_parts {

/// The first and the last `sizeof(T)` of `n` bytes, which overlap unless `n` is twice that.
template <class T>
[[gnu::always_inline]] inline void copy_two(char* to, const char* from, std::size_t n) noexcept {
    T first, last;
    std::memcpy(&first, from, sizeof first);
    std::memcpy(&last, from + n - sizeof last, sizeof last);
    std::memcpy(to, &first, sizeof first);
    std::memcpy(to + n - sizeof last, &last, sizeof last);
}

using sixteen = unsigned char __attribute__((vector_size(16)));

/// The digits of 0 to 999, and how many they are.
struct small_number {
    std::array<char, 3> text;
    std::uint8_t digits;
};
inline constexpr auto small_numbers = [] {
    std::array<small_number, 1000> made{};
    for (unsigned n = 0; n < 1000; ++n) {
        auto& [text, digits] = made[n];
        if (n >= 100) text[digits++] = static_cast<char>('0' + n / 100);
        if (n >= 10) text[digits++] = static_cast<char>('0' + n / 10 % 10);
        text[digits++] = static_cast<char>('0' + n % 10);
    }
    return made;
}();

}  // namespace put_parts

/// `text` does not overlap with what is written.
inline char* put(char* to, std::string_view text) noexcept {
    using namespace put_parts;
    const auto n = text.size();
    if (n > 32) {
        std::memcpy(to, text.data(), n);
    } else if (n >= 16) {
        copy_two<sixteen>(to, text.data(), n);
    } else if (n >= 8) {
        copy_two<std::uint64_t>(to, text.data(), n);
    } else if (n >= 4) {
        copy_two<std::uint32_t>(to, text.data(), n);
    } else if (n >= 2) {
        copy_two<std::uint16_t>(to, text.data(), n);
    } else if (n == 1) {
        *to = text.front();
    }
    return to + n;
}

/// A literal: its length is known, so it is a few stores.
template <std::size_t terminated>
[[gnu::always_inline]] inline char* put(char* to, const char (&literal)[terminated]) noexcept {
    std::memcpy(to, literal, terminated - 1);
    return to + terminated - 1;
}

/// 0 to 999. Writes 4 bytes, of which those behind the end mean nothing.
inline char* put_small(char* to, std::uint32_t n) noexcept {
    const auto& entry = put_parts::small_numbers[n];
    std::memcpy(to, &entry, sizeof entry);
    return to + entry.digits;
}

/// Up to 20 digits; there must be room for 4 bytes in any case. Short numbers are what logs and heads hold; they are
/// quicker without std::to_chars, which counts the digits first.
inline char* put_number(char* to, std::uint64_t n) noexcept {
    if (n < 1000) return put_small(to, static_cast<std::uint32_t>(n));
    if (n >= 1'000'000) return std::to_chars(to, to + 20, n).ptr;
    const auto rest = static_cast<std::uint32_t>(n % 1000);
    to = put_small(to, static_cast<std::uint32_t>(n / 1000));
    *to++ = static_cast<char>('0' + rest / 100);
    *to++ = static_cast<char>('0' + rest / 10 % 10);
    *to++ = static_cast<char>('0' + rest % 10);
    return to;
}

}  // namespace weir
