#pragma once
/// Reads JSON (RFC 8259) strictly: whatever is not valid is a std::runtime_error that says where.
///
///     const auto status = json_text::read(body);
///     CHECK(status["backends"][0]["name"].text() == "web");
///     CHECK(status["workers"].size() == 2);
#include <charconv>
#include <cstddef>
#include <map>
#include <stdexcept>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace weir::testing {

class json_text {
public:
    using object = std::map<std::string, json_text>;
    using array = std::vector<json_text>;

    static json_text read(std::string_view text) {
        reader from{text};
        auto whole = from.value(0);
        from.skip_space();
        if (from.at != text.size()) from.fail("something behind the end");
        return whole;
    }

    bool is_null() const { return std::holds_alternative<std::nullptr_t>(what_); }
    bool has(const std::string& key) const { return std::get<object>(what_).contains(key); }
    const json_text& operator[](const std::string& key) const { return std::get<object>(what_).at(key); }
    const json_text& operator[](const char* key) const { return (*this)[std::string{key}]; }
    const json_text& operator[](std::size_t i) const { return std::get<array>(what_).at(i); }
    const json_text& operator[](int i) const { return (*this)[static_cast<std::size_t>(i)]; }
    std::size_t size() const {
        return std::holds_alternative<array>(what_) ? std::get<array>(what_).size() : std::get<object>(what_).size();
    }
    const std::string& text() const { return std::get<std::string>(what_); }
    double number() const { return std::get<double>(what_); }
    bool truth() const { return std::get<bool>(what_); }

private:
    struct reader {
        std::string_view text;
        std::size_t at = 0;

        [[noreturn]] void fail(const std::string& why) const {
            throw std::runtime_error{"not JSON: " + why + " at byte " + std::to_string(at)};
        }
        void skip_space() {
            while (at < text.size() && std::string_view{" \t\r\n"}.contains(text[at])) ++at;
        }
        bool skip(std::string_view word) {
            if (!text.substr(at).starts_with(word)) return false;
            at += word.size();
            return true;
        }
        void expect(std::string_view word) {
            if (!skip(word)) fail("no " + std::string{word});
        }

        json_text value(int depth) {
            if (depth > 100) fail("too deep");
            skip_space();
            json_text made;
            if (skip("{")) made.what_ = members(depth);
            else if (skip("[")) made.what_ = elements(depth);
            else if (text.substr(at).starts_with('"')) made.what_ = string();
            else if (skip("true")) made.what_ = true;
            else if (skip("false")) made.what_ = false;
            else if (!skip("null")) made.what_ = digits();
            return made;
        }
        object members(int depth) {
            object made;
            for (bool first = true;; first = false) {
                skip_space();
                if (skip("}")) {
                    if (!first) fail("a comma too many");
                    return made;
                }
                auto key = string();
                skip_space();
                expect(":");
                if (!made.emplace(std::move(key), value(depth + 1)).second) fail("a key twice");
                skip_space();
                if (skip("}")) return made;
                expect(",");
            }
        }
        array elements(int depth) {
            array made;
            skip_space();
            if (skip("]")) return made;
            while (true) {
                made.push_back(value(depth + 1));
                skip_space();
                if (skip("]")) return made;
                expect(",");
            }
        }
        double digits() {
            const auto begin = at;
            skip("-");
            if (!skip("0")) some_digits();
            if (skip(".")) some_digits();
            if (skip("e") || skip("E")) {
                if (!skip("+")) skip("-");
                some_digits();
            }
            double made = 0;
            std::from_chars(text.data() + begin, text.data() + at, made);
            return made;
        }
        void some_digits() {
            const auto begin = at;
            while (at < text.size() && text[at] >= '0' && text[at] <= '9') ++at;
            if (at == begin) fail("no digit");
        }
        std::string string() {
            expect("\"");
            std::string made;
            while (!skip("\"")) {
                if (at == text.size()) fail("the text ends within a string");
                const char c = text[at++];
                if (static_cast<unsigned char>(c) < 0x20) fail("a control character");
                if (c != '\\') made.push_back(c);
                else escape(made);
            }
            return made;
        }
        void escape(std::string& into) {
            constexpr std::string_view letters = "\"\\/bfnrt", meanings = "\"\\/\b\f\n\r\t";
            if (at == text.size()) fail("the text ends within a string");
            const char c = text[at++];
            if (const auto which = letters.find(c); which != letters.npos) return into.push_back(meanings[which]);
            unsigned code = 0;
            const auto four = text.substr(at, 4);
            if (c != 'u' || std::from_chars(four.data(), four.data() + four.size(), code, 16).ptr != four.data() + 4)
                fail("an unknown escape");
            at += 4;
            if (code >= 0x800) into.push_back(static_cast<char>(0xe0 | code >> 12));
            if (code >= 0x80)
                into.push_back(static_cast<char>(code >= 0x800 ? 0x80 | (code >> 6 & 0x3f) : 0xc0 | code >> 6));
            into.push_back(static_cast<char>(code >= 0x80 ? 0x80 | (code & 0x3f) : code));
        }
    };

    std::variant<std::nullptr_t, bool, double, std::string, array, object> what_;
};

}  // namespace weir::testing
