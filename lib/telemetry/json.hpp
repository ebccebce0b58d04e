#pragma once
/// Writes JSON (RFC 8259), piece by piece.
///
///     json_writer json{out};
///     json.open_object();
///     json.member("name", "web");                      // "name":"web"
///     json.open_array("servers");
///     for (const auto& s : servers) { json.open_object(); json.member("address", s.name); json.close_object(); }
///     json.close_array();
///     json.close_object();
///
/// Commas are its business, nesting is the caller's: each open has its close. Numbers that JSON cannot say (infinite, not a
/// number) and empty optionals are null. Text should be UTF-8; a byte that is none becomes U+FFFD, so the result always
/// is valid. Belongs to one thread.
#include <concepts>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace weir {

class json_writer {
public:
    explicit json_writer(std::string& out) noexcept : out_{out} {}

    // An element of an array, or the whole document
    void open_object() { open('{'); }
    void open_array() { open('['); }
    void close_object() { close('}'); }
    void close_array() { close(']'); }
    void value(std::string_view text);
    void value(const char* text) { value(std::string_view{text}); }
    void value(bool yes) { raw(yes ? "true" : "false"); }
    void value(double number);
    void value(std::integral auto number) {
        separate();
        out_.append(std::to_string(number));
    }
    template <class T>
    void value(const std::optional<T>& maybe) {
        if (maybe) value(*maybe);
        else raw("null");
    }

    // A member of an object
    void open_object(std::string_view key) {
        name(key);
        open_object();
    }
    void open_array(std::string_view key) {
        name(key);
        open_array();
    }
    template <class T>
    void member(std::string_view key, const T& what) {
        name(key);
        value(what);
    }

private:
    void separate();
    void name(std::string_view key);
    void raw(std::string_view text);
    void open(char bracket);
    void close(char bracket);
    void append_text(std::string_view text);

    std::string& out_;
    bool first_ = true;  // nothing stands before, in this object or array
};

}  // namespace weir
