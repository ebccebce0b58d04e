#pragma once
/// What is wrong, or risky, in a configuration file, and how it is shown.
///
///     proxy.conf:7:3: error: unknown directive 'hegde' in 'backend'; did you mean 'hedge'?
///     7 |   hegde after p95 budget=5%;
///       |   ^~~~~
///
/// A diagnostic says what was expected and what was found, and guesses only where a guess is likely to be right.
/// Pure values; safe from any thread.
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "conf/config.hpp"

namespace weir::conf {

/// A note belongs to the error or warning before it ("first defined here").
enum class severity : std::uint8_t { error, warning, note };

struct diagnostic {
    severity level = severity::error;
    std::string file;     // as given to load
    span where;           // always within the text, or just behind its end
    std::string message;  // one line, no full stop
};

/// The head line, the source line and the caret, each with its line feed. `text` is what was loaded. Control characters
/// of the source line are shown as `?`, so that a hostile file cannot drive the terminal.
std::string render(const diagnostic& shown, std::string_view text);

/// All of them, and then how many: "2 errors, 1 warning". Empty when there are none.
std::string render(const std::vector<diagnostic>& shown, std::string_view text);

/// `found` in single quotes, as messages show what a file holds: control characters as `?`, shortened past 60 bytes.
std::string quoted(std::string_view found);

/// Collects diagnostics and brings them into the order of the file.
class diagnostics {
public:
    explicit diagnostics(std::string_view file) : file_{file} {}

    void error(span where, std::string message) { add(severity::error, where, std::move(message)); }
    void warning(span where, std::string message) { add(severity::warning, where, std::move(message)); }
    /// Adds to the latest error or warning.
    void note(span where, std::string message);

    bool has_errors() const noexcept { return errors_ > 0; }
    std::size_t error_count() const noexcept { return errors_; }
    /// In the order of the file, each note behind what it belongs to. Errors past the hundredth are cut off with a last
    /// one that says so: whoever loads a picture by mistake shall not get a million lines.
    std::vector<diagnostic> take();

private:
    struct entry {
        diagnostic what;
        std::vector<diagnostic> notes;
    };
    void add(severity level, span where, std::string message);

    std::string file_;
    std::vector<entry> entries_;
    std::size_t errors_ = 0;
    bool cut_off_ = false;  // the latest was not kept, so its notes are not either
};

}  // namespace weir::conf
