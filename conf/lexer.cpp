#include "conf/lexer.hpp"

namespace weir::conf {
namespace {

bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }
bool is_control(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }
bool is_key(char c) { return (c >= 'a' && c <= 'z') || c == '_'; }

/// Ends a word that is not in quotes.
bool ends_bare(char c) { return is_blank(c) || is_control(c) || std::string_view{";{}\"#"}.contains(c); }

}  // namespace

char lexer::advance() noexcept {
    const char c = text_[position_++];
    if (c == '\n') {
        ++line_;
        column_ = 1;
    } else {
        ++column_;
    }
    return c;
}

token lexer::next() {
    skip_blanks();
    token found;
    found.where = {here(), 1};
    if (at_end()) return found;
    switch (peek()) {
    case ';': found.what = token::kind::semicolon; break;
    case '{': found.what = token::kind::open; break;
    case '}': found.what = token::kind::close; break;
    default: return word();
    }
    advance();
    return found;
}

/// White space, comments, and what must not be in the file at all.
void lexer::skip_blanks() {
    while (!at_end()) {
        if (is_blank(peek())) {
            advance();
        } else if (peek() == '#') {
            while (!at_end() && peek() != '\n') advance();
        } else if (is_control(peek())) {
            const span where{here(), 1};
            const auto code = static_cast<unsigned char>(advance());
            constexpr auto hex = "0123456789abcdef";
            problems_.error(where, std::string{"control character 0x"} + hex[code >> 4] + hex[code & 15] +
                                       "; a configuration is plain text");
            while (!at_end() && is_control(peek()) && !is_blank(peek())) advance();  // one error for all of a run
        } else {
            return;
        }
    }
}

/// A bare word, a quoted one, or key="...". Anything that touches it without a blank is a slip worth telling: nginx
/// would take `a#b` for one word, a shell would join "a"b.
token lexer::word() {
    token found;
    found.what = token::kind::word;
    found.where.at = here();
    const auto start = position_;

    if (peek() == '"') {
        in_quotes(found.text);
    } else {
        bare(found.text);
        std::size_t key = 0;
        while (key < found.text.size() && is_key(found.text[key])) ++key;
        if (key > 0 && key < found.text.size() && found.text[key] == '=') found.key_length = key;
        if (found.key_length > 0 && found.text.size() == found.key_length + 1 && !at_end() && peek() == '"')
            in_quotes(found.text);
    }
    glued(found);
    found.where.length = static_cast<int>(position_ - start);
    return found;
}

/// What touches a word that should have ended; it is reported once and belongs to the word.
void lexer::glued(token& to) {
    if (at_end()) return;
    const bool closed = text_[position_ - 1] == '"';
    if (peek() == '#')
        problems_.error({here(), 1}, "'#' within a value; put a blank before a comment, or quote the value");
    else if (peek() == '"') problems_.error({here(), 1}, "quotation mark within a value; quote the whole value");
    else if (closed && !ends_bare(peek()))
        problems_.error({here(), 1}, "a blank or ';' must follow the closing quotation mark");
    else return;
    while (!at_end() && (!ends_bare(peek()) || peek() == '#' || peek() == '"')) {
        if (peek() == '"') in_quotes(to.text);
        else to.text += advance();
    }
}

void lexer::bare(std::string& into) {
    while (!at_end() && !ends_bare(peek())) into += advance();
}

void lexer::in_quotes(std::string& into) {
    const span opening{here(), 1};
    advance();
    while (!at_end() && peek() != '\n') {
        const span where{here(), 2};
        const char c = advance();
        if (c == '"') return;
        if (c != '\\') {
            if (is_control(c) && c != '\t') problems_.error({where.at, 1}, "control character within quotes");
            else into += c;
            continue;
        }
        if (at_end() || peek() == '\n') break;
        switch (const char escaped = advance()) {
        case 'n': into += '\n'; break;
        case '"':
        case '\\': into += escaped; break;
        default:
            problems_.error(where,
                            "unknown escape " + quoted(std::string{'\\', escaped}) + "; there are \\\" \\\\ and \\n");
        }
    }
    problems_.error(opening, "this quotation mark is not closed on its line; write a line feed as \\n");
}

}  // namespace weir::conf
