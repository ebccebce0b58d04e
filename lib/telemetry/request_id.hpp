#pragma once
/// Names for requests: 128 bits as 32 hexadecimal digits, to find one request in every log it passed.
///
///     request_id_source ids{seed_high, seed_low};      // per worker; seeds from the process's source of randomness
///     const request_id id = ids.next();
///     id.text()                                        // "5c0f…", 32 characters
///
/// Within one source no id comes twice (the low half is a permutation of a counter); ids of sources with independent
/// seeds collide about as rarely as random 128-bit numbers. Not secret: whoever sees one id can compute the next. Use
/// it as a name, never as a key. A source belongs to one thread; an id is a plain value. SplitMix64: Steele, Lea,
/// Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014.
#include <array>
#include <cstdint>
#include <string_view>

namespace weir {

class request_id {
public:
    static constexpr std::size_t digits = 32;
    request_id(std::uint64_t high, std::uint64_t low) noexcept;
    std::string_view text() const noexcept { return {text_.data(), text_.size()}; }
    friend bool operator==(const request_id&, const request_id&) = default;

private:
    std::array<char, digits> text_;
};

class request_id_source {
public:
    request_id_source(std::uint64_t seed_high, std::uint64_t seed_low) noexcept : high_{seed_high}, low_{seed_low} {}
    request_id next() noexcept;

private:
    std::uint64_t high_;
    std::uint64_t low_;
};

}  // namespace weir
