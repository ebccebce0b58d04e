#include "tests/support/origin_digest.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>

namespace origin {
namespace {

constexpr std::uint64_t period = 65521;

/// The known text, long enough that any `known_run` of it lies in one piece.
const std::string& text() {
    static const std::string whole = [] {
        std::string t(period, '\0');
        std::uint32_t seed = 1;
        for (auto& c : t) {
            seed = seed * 1664525 + 1013904223;  // the generator of Numerical Recipes
            c = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ-_"[seed >> 26];
        }
        return t + t + t;
    }();
    return whole;
}

int hex_digit(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

int base64_digit(char c) {
    if (c >= 'A' && c <= 'Z') return c - 'A';
    if (c >= 'a' && c <= 'z') return c - 'a' + 26;
    if (c >= '0' && c <= '9') return c - '0' + 52;
    if (c == '+' || c == '-') return 62;
    if (c == '/' || c == '_') return 63;
    return -1;
}

/// SHA-1 (FIPS 180-4), for the WebSocket handshake only.
std::array<std::uint8_t, 20> sha1(std::string message) {
    const std::uint64_t bits = message.size() * 8;
    message += '\x80';
    while (message.size() % 64 != 56) message += '\0';
    for (int shift = 56; shift >= 0; shift -= 8) message += static_cast<char>(bits >> shift);

    std::array<std::uint32_t, 5> h{0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0};
    for (std::size_t block = 0; block < message.size(); block += 64) {
        std::array<std::uint32_t, 80> w;
        for (std::size_t i = 0; i < 16; ++i) {
            w[i] = 0;
            for (std::size_t j = 0; j < 4; ++j)
                w[i] = w[i] << 8 | static_cast<std::uint8_t>(message[block + 4 * i + j]);
        }
        for (std::size_t i = 16; i < 80; ++i) w[i] = std::rotl(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 1);
        auto [a, b, c, d, e] = h;
        for (std::size_t i = 0; i < 80; ++i) {
            std::uint32_t f, k;
            if (i < 20) f = (b & c) | (~b & d), k = 0x5a827999;
            else if (i < 40) f = b ^ c ^ d, k = 0x6ed9eba1;
            else if (i < 60) f = (b & c) | (b & d) | (c & d), k = 0x8f1bbcdc;
            else f = b ^ c ^ d, k = 0xca62c1d6;
            const std::uint32_t next = std::rotl(a, 5) + f + e + k + w[i];
            e = d, d = c, c = std::rotl(b, 30), b = a, a = next;
        }
        h[0] += a, h[1] += b, h[2] += c, h[3] += d, h[4] += e;
    }
    std::array<std::uint8_t, 20> digest;
    for (std::size_t i = 0; i < 20; ++i) digest[i] = static_cast<std::uint8_t>(h[i / 4] >> (24 - 8 * (i % 4)));
    return digest;
}

}  // namespace

std::uint64_t fnv1a(std::string_view bytes, std::uint64_t sum) {
    for (const char c : bytes) sum = (sum ^ static_cast<std::uint8_t>(c)) * 0x100000001b3;
    return sum;
}

void put_number(std::string& to, std::uint64_t number, int base) {
    char digits[64];
    to.append(digits, std::to_chars(digits, digits + sizeof digits, number, base).ptr);
}

std::string hex16(std::uint64_t number) {
    std::string digits(16, '0');
    for (auto at = digits.rbegin(); at != digits.rend(); ++at, number >>= 4) *at = "0123456789abcdef"[number & 15];
    return digits;
}

std::string_view known_view(std::uint64_t offset) {
    return std::string_view{text()}.substr(offset % period, known_run);
}

std::string known_bytes(std::uint64_t offset, std::size_t n) {
    std::string bytes;
    bytes.reserve(n);
    while (bytes.size() < n) bytes += known_view(offset + bytes.size()).substr(0, n - bytes.size());
    return bytes;
}

std::optional<std::size_t> first_difference(std::string_view bytes, std::uint64_t offset) {
    for (std::size_t done = 0; done < bytes.size();) {
        const auto expected = known_view(offset + done).substr(0, bytes.size() - done);
        const auto here = bytes.substr(done, expected.size());
        if (here != expected)
            return done + static_cast<std::size_t>(std::ranges::mismatch(here, expected).in1 - here.begin());
        done += expected.size();
    }
    return std::nullopt;
}

std::optional<std::string> percent_decoded(std::string_view escaped) {
    std::string plain;
    for (std::size_t i = 0; i < escaped.size(); ++i) {
        if (escaped[i] != '%') {
            plain += escaped[i];
            continue;
        }
        const auto byte = hex_decoded(escaped.substr(i + 1, 2));
        if (!byte || byte->size() != 1) return std::nullopt;
        plain += *byte;
        i += 2;
    }
    return plain;
}

std::optional<std::string> hex_decoded(std::string_view digits) {
    if (digits.size() % 2 != 0) return std::nullopt;
    std::string bytes;
    for (std::size_t i = 0; i < digits.size(); i += 2) {
        const int high = hex_digit(digits[i]), low = hex_digit(digits[i + 1]);
        if (high < 0 || low < 0) return std::nullopt;
        bytes += static_cast<char>(high * 16 + low);
    }
    return bytes;
}

std::optional<std::string> base64_decoded(std::string_view digits) {
    while (digits.ends_with('=')) digits.remove_suffix(1);
    if (digits.size() % 4 == 1) return std::nullopt;
    std::string bytes;
    std::uint32_t held = 0;
    int bits = 0;
    for (const char c : digits) {
        const int digit = base64_digit(c);
        if (digit < 0) return std::nullopt;
        held = held << 6 | static_cast<std::uint32_t>(digit);
        if ((bits += 6) >= 8) bytes += static_cast<char>(held >> (bits -= 8));
    }
    return bytes;
}

std::string websocket_accept(std::string_view key) {
    const auto digest = sha1(std::string{key} + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11");
    std::string coded;
    for (std::size_t i = 0; i < 21; i += 3) {  // 20 bytes: the last group is one short
        const std::uint32_t group =
            static_cast<std::uint32_t>(digest[i] << 16 | digest[i + 1] << 8 | (i + 2 < 20 ? digest[i + 2] : 0));
        for (int shift = 18; shift >= 0; shift -= 6)
            coded += "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"[group >> shift & 63];
    }
    coded.back() = '=';
    return coded;
}

}  // namespace origin
