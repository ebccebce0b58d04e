#pragma once
/// Builds the tree of directives; knows the grammar, not the names.
///
///     statement := word+ ( ';' | '{' statement* '}' )
///
/// A missing `;` before a brace or the end of the file is reported and supplied, so that the rest is checked as well.
#include <string>
#include <string_view>
#include <vector>

#include "conf/diagnostic.hpp"
#include "conf/lexer.hpp"

namespace weir::conf {

/// One directive as it stands in the file.
struct statement {
    token name;
    std::vector<token> words = {};  // plain and key=value arguments, in the order of the file
    bool has_block = false;
    std::vector<statement> block = {};
};

/// Deeper nesting is refused, long before it could exhaust the stack. The language itself needs three levels.
inline constexpr int max_depth = 8;

std::vector<statement> parse(std::string_view text, diagnostics& problems);

}  // namespace weir::conf
