#pragma once
/// The word that was probably meant.
///
///     if (auto meant = nearest("hegde", names); !meant.empty()) message += "; did you mean '" + ...
///
/// A wrong guess is worse than none: a word counts as near only when two letters in three agree. Pure.
#include <span>
#include <string_view>

namespace weir::conf {

/// The nearest of `words` to `found`, or nothing. Distance: insertions, deletions, replacements and swaps of
/// neighbours, each counted once (optimal string alignment; Damerau, "A technique for computer detection and correction
/// of spelling errors", CACM 7(3), 1964). Upper and lower case are taken as the same letter.
std::string_view nearest(std::string_view found, std::span<const std::string_view> words);

}  // namespace weir::conf
