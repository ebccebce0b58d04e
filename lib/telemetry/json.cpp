#include "lib/telemetry/json.hpp"

#include <charconv>
#include <cmath>

namespace weir {
namespace {

/// The bytes of the UTF-8 sequence that `text` begins with; 0: it begins with none (overlong, a surrogate, cut short).
std::size_t sequence_at(std::string_view text) noexcept {
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    const unsigned char lead = byte(0);
    const std::size_t size = lead < 0x80   ? 1
                             : lead < 0xc2 ? 0
                             : lead < 0xe0 ? 2
                             : lead < 0xf0 ? 3
                             : lead < 0xf5 ? 4
                                           : 0;
    if (size == 0 || text.size() < size) return 0;
    for (std::size_t i = 1; i < size; ++i)
        if ((byte(i) & 0xc0) != 0x80) return 0;
    if (size < 3) return size;
    const unsigned char second = byte(1);
    const bool wrong = (lead == 0xe0 && second < 0xa0) || (lead == 0xed && second > 0x9f) ||
                       (lead == 0xf0 && second < 0x90) || (lead == 0xf4 && second > 0x8f);
    return wrong ? 0 : size;
}

}  // namespace

void json_writer::separate() {
    if (!first_) out_.push_back(',');
    first_ = false;
}

void json_writer::name(std::string_view key) {
    separate();
    append_text(key);
    out_.push_back(':');
    first_ = true;
}

void json_writer::raw(std::string_view text) {
    separate();
    out_.append(text);
}

void json_writer::open(char bracket) {
    separate();
    out_.push_back(bracket);
    first_ = true;
}

void json_writer::close(char bracket) {
    out_.push_back(bracket);
    first_ = false;
}

void json_writer::value(std::string_view text) {
    separate();
    append_text(text);
}

void json_writer::value(double number) {
    if (!std::isfinite(number)) return raw("null");
    char text[32];
    raw({text, std::to_chars(text, text + sizeof text, number).ptr});
}

void json_writer::append_text(std::string_view text) {
    constexpr char digits[] = "0123456789abcdef";
    out_.push_back('"');
    while (!text.empty()) {
        const auto size = sequence_at(text);
        const char c = text.front();
        if (size == 0) out_.append("\\ufffd");
        else if (c == '"' || c == '\\') out_.append(1, '\\').push_back(c);
        else if (static_cast<unsigned char>(c) < 0x20) out_.append("\\u00").append({digits[c >> 4], digits[c & 15]});
        else out_.append(text.substr(0, size));
        text.remove_prefix(size == 0 ? 1 : size);
    }
    out_.push_back('"');
}

}  // namespace weir
