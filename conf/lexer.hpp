#pragma once
/// Cuts a configuration file into words, semicolons and braces.
///
///     lexer words{text, problems};
///     for (auto next = words.next(); next.what != token::kind::end; next = words.next()) ...
///
/// What is no token (a control character, a quotation mark that is never closed) is reported and skipped, so the
/// sequence always ends with `end`. Copies what it returns; `text` need only outlive the lexer.
#include <cstdint>
#include <string>
#include <string_view>

#include "conf/diagnostic.hpp"

namespace weir::conf {

struct token {
    enum class kind : std::uint8_t { word, semicolon, open, close, end };
    kind what = kind::end;
    std::string text;            // of a word: without quotes, escapes resolved
    std::size_t key_length = 0;  // of a bare word that looks like key=value: the length of its key; else 0
    span where;
};

class lexer {
public:
    lexer(std::string_view text, diagnostics& problems) : text_{text}, problems_{problems} {}
    token next();

private:
    bool at_end() const noexcept { return position_ == text_.size(); }
    char peek() const noexcept { return text_[position_]; }
    char advance() noexcept;
    location here() const noexcept { return {line_, column_}; }
    void skip_blanks();
    token word();
    void glued(token& to);
    void bare(std::string& into);
    void in_quotes(std::string& into);

    std::string_view text_;
    diagnostics& problems_;
    std::size_t position_ = 0;
    int line_ = 1;
    int column_ = 1;
};

}  // namespace weir::conf
