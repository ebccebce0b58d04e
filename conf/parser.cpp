#include "conf/parser.hpp"

namespace weir::conf {
namespace {

class parser {
public:
    parser(std::string_view text, diagnostics& problems) : words_{text, problems}, problems_{problems} {
        ahead_ = words_.next();
    }
    /// Up to the `}` that belongs to `opened_by`, or to the end of the file when there is none.
    std::vector<statement> statements(const token* opened_by, int depth);

private:
    using kind = token::kind;
    token take() {
        token taken = std::move(ahead_);
        ahead_ = words_.next();
        return taken;
    }
    statement directive(int depth);
    void block(statement& of, int depth);
    void skip_block();

    lexer words_;
    diagnostics& problems_;
    token ahead_;
};

std::vector<statement> parser::statements(const token* opened_by, int depth) {
    std::vector<statement> found;
    while (true) {
        switch (ahead_.what) {
        case kind::word: found.push_back(directive(depth)); break;
        case kind::semicolon:
            problems_.error(ahead_.where, "';' without a directive before it");
            take();
            break;
        case kind::open:
            problems_.error(ahead_.where, "'{' without a directive before it");
            take();
            skip_block();
            break;
        case kind::close:
            if (opened_by) {
                take();
                return found;
            }
            problems_.error(ahead_.where, "'}' without a '{' before it");
            take();
            break;
        case kind::end:
            if (opened_by) problems_.error(opened_by->where, "this '{' is never closed");
            return found;
        }
    }
}

statement parser::directive(int depth) {
    statement made;
    made.name = take();
    const token* last = &made.name;
    while (ahead_.what == kind::word) made.words.push_back(take());
    if (!made.words.empty()) last = &made.words.back();

    if (ahead_.what == kind::semicolon) {
        take();
    } else if (ahead_.what == kind::open) {
        block(made, depth);
    } else {
        problems_.error(last->where, "expected ';' after " + quoted(last->text));
    }
    return made;
}

void parser::block(statement& of, int depth) {
    const token opening = take();
    of.has_block = true;
    if (depth < max_depth) {
        of.block = statements(&opening, depth + 1);
        return;
    }
    problems_.error(opening.where, "blocks nested more than " + std::to_string(max_depth) + " deep");
    skip_block();
}

/// To the brace that closes what was just opened; a loop, because depth is what we cannot trust here.
void parser::skip_block() {
    for (int open = 1; open > 0 && ahead_.what != kind::end;) {
        if (ahead_.what == kind::open) ++open;
        if (ahead_.what == kind::close) --open;
        take();
    }
}

}  // namespace

std::vector<statement> parse(std::string_view text, diagnostics& problems) {
    return parser{text, problems}.statements(nullptr, 0);
}

}  // namespace weir::conf
