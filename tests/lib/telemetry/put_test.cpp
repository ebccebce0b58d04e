#include "lib/telemetry/put.hpp"

#include <memory>
#include <string>

#include "tests/support/catch.hpp"
#include "tests/support/property.hpp"

using namespace weir;

namespace {

std::string number(std::uint64_t n) {
    char to[20];
    return {to, static_cast<std::size_t>(put_number(to, n) - to)};
}

}  // namespace

TEST_CASE("text of any length is copied, and no byte beside it") {
    for (std::size_t n = 0; n <= 80; ++n) {
        CAPTURE(n);
        const auto text = std::make_unique<char[]>(n);  // a read beyond either end is seen by the sanitizer
        for (std::size_t i = 0; i < n; ++i) text[i] = static_cast<char>('0' + i % 64);
        std::string out(n + 2, '-');
        CHECK(put(out.data() + 1, {text.get(), n}) == out.data() + 1 + n);
        CHECK(out == "-" + std::string{text.get(), n} + "-");
    }
    std::string out(6, '-');
    CHECK(put(out.data() + 1, "abc") == out.data() + 4);
    CHECK(out == "-abc--");
}

TEST_CASE("numbers are written as std::to_string does") {
    for (std::uint64_t n = 0; n < 20'000; ++n)
        if (number(n) != std::to_string(n)) FAIL(n);
    for (const std::uint64_t n : {99'999ull, 100'000ull, 999'999ull, 1'000'000ull, ~0ull})
        CHECK(number(n) == std::to_string(n));
    rc::prop("any number", [](std::uint64_t n) {
        for (int shift = 0; shift < 64; shift += 7) RC_ASSERT(number(n >> shift) == std::to_string(n >> shift));
    });
}
