#include "lib/telemetry/json.hpp"

#include <limits>
#include <string>
#include <vector>

#include "tests/support/json_text.hpp"
#include "tests/support/property.hpp"

using namespace weir;
using weir::testing::json_text;

TEST_CASE("json: objects, arrays and their commas") {
    std::string out;
    json_writer json{out};
    json.open_object();
    json.member("name", "web");
    json.member("up", true);
    json.member("places", 64u);
    json.member("share", 0.5);
    json.member("limit", std::optional<unsigned>{});
    json.member("other", std::optional<unsigned>{3});
    json.open_array("servers");
    json.open_object();
    json.close_object();
    json.value(std::string{"b"});
    json.open_array();
    json.close_array();
    json.close_array();
    json.open_object("last");
    json.member("below", -7);
    json.close_object();
    json.close_object();
    CHECK(out == R"({"name":"web","up":true,"places":64,"share":0.5,"limit":null,"other":3,)"
                 R"("servers":[{},"b",[]],"last":{"below":-7}})");
}

TEST_CASE("json: numbers that it cannot say are null") {
    std::string out;
    json_writer json{out};
    json.open_array();
    json.value(std::numeric_limits<double>::infinity());
    json.value(std::numeric_limits<double>::quiet_NaN());
    json.value(std::numeric_limits<std::uint64_t>::max());
    json.close_array();
    CHECK(out == "[null,null,18446744073709551615]");
}

TEST_CASE("json: text is escaped, UTF-8 is kept, and what is none is replaced") {
    const auto written = [](std::string_view text) {
        std::string out;
        json_writer{out}.value(text);
        return out;
    };
    CHECK(written("a\"b\\c\n\x01\x7f") == "\"a\\\"b\\\\c\\u000a\\u0001\x7f\"");
    CHECK(written("stra\xc3\x9f"
                  "e \xe2\x82\xac \xf0\x9f\x8c\x8a") == "\"stra\xc3\x9f"
                                                        "e \xe2\x82\xac \xf0\x9f\x8c\x8a\"");
    for (const std::string_view bad :
         {"\xff", "\xc3", "\xc0\xaf", "\xe0\x80\xaf", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\x80"}) {
        const auto out = written(std::string{"<"}.append(bad).append(">"));
        CHECK(out.starts_with("\"<\\ufffd"));
        CHECK(out.ends_with(">\""));
        for (const char c : out) CHECK(static_cast<unsigned char>(c) < 0x80);
    }
}

TEST_CASE("json: whatever is written can be read back", "[property]") {
    rc::prop("for any texts and numbers", [](const std::vector<std::string>& texts, const std::vector<int>& numbers) {
        std::string out;
        json_writer json{out};
        json.open_object();
        json.open_array("texts");
        for (const auto& each : texts) json.value(each);
        json.close_array();
        json.open_array("numbers");
        for (const auto each : numbers) json.value(each);
        json.close_array();
        json.close_object();
        const auto read = json_text::read(out);
        RC_ASSERT(read["texts"].size() == texts.size());
        for (std::size_t i = 0; i < texts.size(); ++i) {
            const bool ascii = texts[i].find_first_not_of("\t\n\r !#$%&'()*+,-./0123456789:;<=>?@"
                                                          "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz\"\\") ==
                               std::string::npos;
            if (ascii) RC_ASSERT(read["texts"][i].text() == texts[i]);
        }
        for (std::size_t i = 0; i < numbers.size(); ++i) RC_ASSERT(read["numbers"][i].number() == numbers[i]);
    });
}
