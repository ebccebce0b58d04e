#pragma once
/// The word that was probably meant.
///
///     message += did_you_mean("hegde", names);   // "; did you mean 'hedge'?", or nothing
///
/// A wrong guess is worse than none: a word counts as near only when two letters in three agree. Pure.
#include <span>
#include <string>
#include <string_view>

namespace weir::conf {

/// The nearest of `words` to `found`, or nothing. Distance: insertions, deletions, replacements and swaps of
/// neighbours, each counted once (optimal string alignment; Damerau, "A technique for computer detection and correction
/// of spelling errors", CACM 7(3), 1964). Upper and lower case are taken as the same letter.
std::string_view nearest(std::string_view found, std::span<const std::string_view> words);

/// "; did you mean 'p2c'?", or nothing
std::string did_you_mean(std::string_view found, std::span<const std::string_view> words);

}  // namespace weir::conf
