#include "lib/resilience/sticky.hpp"

#include <string>
#include <vector>

#include "tests/support/property.hpp"

using namespace weir;

namespace {

std::string text_of(std::uint64_t hash) { return std::string{std::string_view{sticky_value(hash)}}; }

}  // namespace

TEST_CASE("a sticky value is sixteen digits, and nothing else is one") {
    CHECK(text_of(0) == "0000000000000000");
    CHECK(text_of(0xfedcba9876543210) == "fedcba9876543210");
    for (const auto* text : {"", "0", "fedcba987654321", "fedcba98765432100", "FEDCBA9876543210", " edcba9876543210",
                             "fedcba987654321g", "0xdcba9876543210", "\"edcba987654321\"", "-000000000000001"})
        CHECK_FALSE(parse_sticky(text));
}

TEST_CASE("a sticky value comes back as it went", "[property]") {
    rc::prop("for any hash", [](std::uint64_t hash) { RC_ASSERT(parse_sticky(text_of(hash)) == hash); });
    rc::prop("any text is refused or is what would be written", [] {
        const auto text = *rc::gen::container<std::string>(16, rc::gen::element('0', '9', 'a', 'f', 'g', 'A', ' '));
        if (const auto hash = parse_sticky(text)) RC_ASSERT(text_of(*hash) == text);
    });
}

TEST_CASE("a cookie is found by its whole name") {
    CHECK(find_cookie("weir=1", "weir") == "1");
    CHECK(find_cookie("a=2; weir=1; b=3", "weir") == "1");
    CHECK(find_cookie("a=2;weir=1", "weir") == "1");
    CHECK(find_cookie("a=2; \tweir=1 ", "weir") == "1");
    CHECK(find_cookie("weir=1; weir=2", "weir") == "1");
    CHECK(find_cookie("weir=", "weir") == "");
    CHECK(find_cookie("weir=a=b", "weir") == "a=b");
    CHECK(find_cookie("weir=\"1\"", "weir") == "\"1\"");
    for (const auto* header : {"", ";", "; ; ", "=", "weir", "weir;=1", "Weir=1", "xweir=1", "weirx=1", "weir =1",
                               "a=weir=1", "a=2, weir=1", "a=\"; b\""})
        CHECK_FALSE(find_cookie(header, "weir"));
}

TEST_CASE("a cookie is found among any others", "[property]") {
    rc::prop("the first of its name", [] {
        const auto word = rc::gen::container<std::string>(rc::gen::element('a', 'b', '1'));
        const auto pairs = *rc::gen::container<std::vector<std::pair<std::string, std::string>>>(
            rc::gen::pair(rc::gen::nonEmpty(word), word));
        const auto name = *rc::gen::nonEmpty(word);
        std::string header;
        std::optional<std::string> expected;
        for (const auto& [n, value] : pairs) {
            header += (header.empty() ? "" : "; ") + n + "=" + value;
            if (n == name && !expected) expected = value;
        }
        const auto found = find_cookie(header, name);
        RC_ASSERT(found.has_value() == expected.has_value());
        if (found) RC_ASSERT(std::string{*found} == *expected);
    });
    rc::prop("any bytes do no harm", [](const std::string& header, const std::string& name) {
        if (const auto found = find_cookie(header, name)) RC_ASSERT(found->size() <= header.size());
    });
}
