#include "lib/http/fields.hpp"

#include <algorithm>

#include "tests/support/catch.hpp"
#include "tests/support/property.hpp"

using namespace weir::http;

namespace {

std::string with_case(std::string text, bool upper) {
    std::transform(text.begin(), text.end(), text.begin(),
                   [&](char c) { return static_cast<char>(upper ? std::toupper(c) : std::tolower(c)); });
    return text;
}

}  // namespace

TEST_CASE("every special field is found by its name in any case, and by no other") {
    for (int i = 1; i < field_id_count; ++i) {
        const auto id = static_cast<field_id>(i);
        const std::string name{name_of(id)};
        CAPTURE(name);
        REQUIRE_FALSE(name.empty());
        CHECK(id_of(name) == id);
        CHECK(id_of(with_case(name, true)) == id);
        CHECK(id_of(with_case(name, false)) == id);
        for (std::size_t at = 0; at < name.size(); ++at)
            for (const char c : std::string_view{"!#$%&'*+.^_`|~0zq"}) {
                auto near_miss = name;
                near_miss[at] = near_miss[at] == c ? 'x' : c;
                CAPTURE(near_miss);
                CHECK(id_of(near_miss) == field_id::other);
            }
        CHECK(id_of(name + "x") != id);
        CHECK(id_of(name.substr(1)) != id);
    }
    CHECK(id_of("") == field_id::other);
}

TEST_CASE("lists, tokens and blanks") {
    std::string_view rest = " a ,, b\t,c d , ";
    CHECK(next_member(rest) == "a");
    CHECK(next_member(rest) == "b");
    CHECK(next_member(rest) == "c d");
    CHECK(next_member(rest).empty());
    CHECK(is_token("a!#$%&'*+-.^_`|~09AZ"));
    CHECK_FALSE(is_token(""));
    for (const char c : std::string_view{" \t\r\n\"(),/:;<=>?@[\\]{}\x7f\x80\xff"}) CHECK_FALSE(is_token_char(c));
    CHECK_FALSE(is_token_char('\0'));
    CHECK(trim("\t a b \t") == "a b");
    CHECK(trim(" \t").empty());
    CHECK(equals_nocase("aZ-[", "Az-["));
    CHECK_FALSE(equals_nocase("[", "{"));  // 0x5b and 0x7b: folding must stop at the letters
    CHECK_FALSE(equals_nocase("a", "ab"));
}

TEST_CASE("a block keeps order, duplicates and empty values") {
    field_block block;
    block.assign("Via: 1.1 a|x:|via: 1.1 b|X_Request_Id: u|");
    const auto all = block.bytes();
    block.add(all.substr(0, 3), all.substr(4, 6));
    block.add(all.substr(11, 1), all.substr(13, 0));
    block.add(all.substr(14, 3), all.substr(18, 6));
    block.add(all.substr(25, 12), all.substr(38, 2));
    CHECK(block.size() == 4);
    CHECK(block.count(field_id::via) == 2);
    CHECK(block.find(field_id::via) == "1.1 a");
    CHECK(block.find("X") == "");
    CHECK_FALSE(block.find("y"));
    CHECK_FALSE(block.find(field_id::host));
    CHECK(block[3].shadow);
    CHECK_FALSE(block[0].shadow);
    block.nominate("VIA");
    CHECK(block[0].nominated);
    CHECK_FALSE(block[1].nominated);
    CHECK(block[2].nominated);

    const auto copy = block;  // views into its own bytes, not into the original's
    block.clear();
    CHECK(block.empty());
    CHECK_FALSE(block.has(field_id::via));
    CHECK(copy[2].value == "1.1 b");
}
