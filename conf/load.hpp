#pragma once
/// The configuration language: text in; checked, typed values or diagnostics out.
///
///     auto loaded = conf::load("proxy.conf", text, {.cores = 4});
///     std::cerr << conf::render(loaded.found, text);           // errors and warnings, or nothing
///     if (!loaded.value) return 2;
///     run(std::move(*loaded.value));
///
/// The whole grammar: a directive is a name, then plain arguments, then key=value arguments, then `;` or a block in
/// braces. Lists are separated by commas without spaces. `#` starts a comment. A value may hold anything but white
/// space ; { } " and #; in double quotes it may hold those too, with \" \\ and \n for a quote, a backslash and a line
/// feed. Which directives there are stands in one table, conf/schema.cpp.
///
/// Every error of a file is reported at once. Nothing here reads a clock or the machine: the caller passes the text and
/// the facts, and with them the function that reads the files which the text names. Safe from any thread.
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "conf/config.hpp"
#include "conf/diagnostic.hpp"
#include "conf/small_file.hpp"

namespace weir::conf {

/// A longer file is refused: it is no configuration.
inline constexpr std::size_t max_file_bytes = 1024 * 1024;

/// What the configuration depends on besides its text.
struct environment {
    unsigned cores = 1;  // what `workers auto` means
    /// The text of a file of at most `most` bytes, or why there is none, as the end of a sentence.
    reading<std::string> (*read_file)(const std::string& path, std::size_t most) = read_small_file;
};

struct load_result {
    std::optional<config> value;    // there exactly when nothing found is an error
    std::vector<diagnostic> found;  // errors, warnings and their notes, in the order of the file

    explicit operator bool() const noexcept { return value.has_value(); }
};

load_result load(std::string_view file_name, std::string_view text, environment machine);

/// The effective configuration in the same language, every default filled in (`weir -T`). What it prints loads without
/// an error, to a configuration equal to the given one.
std::string dump(const config& whole);

/// All directives with their defaults, units, ranges and reasons, as comments in the language itself: the second part
/// of proxy.conf.example.
std::string reference();

}  // namespace weir::conf
