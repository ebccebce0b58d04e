#include "conf/diagnostic.hpp"

#include <algorithm>
#include <tuple>

namespace weir::conf {
namespace {

constexpr std::size_t most_errors = 100;

bool is_control(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }

/// The bytes after the first of a character in UTF-8; they take no room of their own on the screen.
bool continues_character(char c) { return (static_cast<unsigned char>(c) & 0xc0) == 0x80; }

std::string_view line_of(std::string_view text, int line) {
    for (; line > 1; --line) {
        const auto end = text.find('\n');
        if (end == std::string_view::npos) return {};
        text.remove_prefix(end + 1);
    }
    text = text.substr(0, text.find('\n'));
    if (text.ends_with('\r')) text.remove_suffix(1);
    return text;
}

std::string_view word(severity level) {
    switch (level) {
    case severity::error: return "error";
    case severity::warning: return "warning";
    case severity::note: return "note";
    }
    return {};
}

std::string counted(std::size_t n, std::string_view what) {
    return std::to_string(n).append(" ").append(what).append(n == 1 ? "" : "s");
}

}  // namespace

std::string render(const diagnostic& shown, std::string_view text) {
    const auto [line, column] = shown.where.at;
    const auto number = std::to_string(line);

    std::string out = shown.file;
    out.append(":").append(number).append(":").append(std::to_string(column)).append(": ");
    out.append(word(shown.level)).append(": ").append(shown.message).append("\n");

    auto source = line_of(text, line);
    const auto start = std::min(static_cast<std::size_t>(std::max(column, 1) - 1), source.size());
    auto length = static_cast<std::size_t>(std::max(shown.where.length, 1));

    // Of an endless line only the surroundings are of interest.
    constexpr std::size_t before = 60, widest = 160;
    const auto left = source.size() <= widest || start <= before ? 0 : start - before;
    source = source.substr(left, widest);
    const auto mark = start - left;
    length = std::min(length, std::max<std::size_t>(source.size() - std::min(mark, source.size()), 1));

    out.append(number).append(" | ");
    for (char c : source) out += is_control(c) && c != '\t' ? '?' : c;
    out.append("\n").append(number.size(), ' ').append(" | ");
    for (char c : source.substr(0, mark))
        if (!continues_character(c)) out += c == '\t' ? '\t' : ' ';
    out += '^';
    for (std::size_t i = mark + 1; i < mark + length; ++i)
        if (i < source.size() && !continues_character(source[i])) out += '~';
    return out += '\n';
}

std::string render(const std::vector<diagnostic>& shown, std::string_view text) {
    if (shown.empty()) return {};
    std::string out;
    std::size_t errors = 0, warnings = 0;
    for (const auto& each : shown) {
        out += render(each, text);
        errors += each.level == severity::error;
        warnings += each.level == severity::warning;
    }
    if (errors > 0) out += counted(errors, "error");
    if (errors > 0 && warnings > 0) out += ", ";
    if (warnings > 0) out += counted(warnings, "warning");
    return out += '\n';
}

std::string quoted(std::string_view found) {
    constexpr std::size_t longest = 60;
    const bool cut = found.size() > longest;
    if (cut) {
        found = found.substr(0, longest);
        while (!found.empty() && continues_character(found.back())) found.remove_suffix(1);
        if (!found.empty() && static_cast<unsigned char>(found.back()) >= 0xc0) found.remove_suffix(1);
    }
    std::string out = "'";
    for (char c : found) out += is_control(c) ? '?' : c;
    return out.append(cut ? "..." : "").append("'");
}

void diagnostics::add(severity level, span where, std::string message) {
    cut_off_ = level == severity::error && ++errors_ > most_errors;
    if (!cut_off_) entries_.push_back({{level, file_, where, std::move(message)}, {}});
    if (level == severity::error && errors_ == most_errors + 1)
        entries_.push_back({{level, file_, where, "too many errors; the rest is not shown"}, {}});
}

void diagnostics::note(span where, std::string message) {
    if (!cut_off_ && !entries_.empty())
        entries_.back().notes.push_back({severity::note, file_, where, std::move(message)});
}

std::vector<diagnostic> diagnostics::take() {
    // The closing "too many errors" stays last.
    const auto sorted_end = entries_.end() - (errors_ > most_errors ? 1 : 0);
    std::stable_sort(entries_.begin(), sorted_end, [](const entry& a, const entry& b) {
        return std::tie(a.what.where.at.line, a.what.where.at.column) <
               std::tie(b.what.where.at.line, b.what.where.at.column);
    });
    std::vector<diagnostic> out;
    for (auto& each : entries_) {
        out.push_back(std::move(each.what));
        std::move(each.notes.begin(), each.notes.end(), std::back_inserter(out));
    }
    entries_.clear();
    return out;
}

}  // namespace weir::conf
