#include "conf/suggest.hpp"

#include <algorithm>
#include <vector>

namespace weir::conf {
namespace {

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

std::size_t distance(std::string_view a, std::string_view b) {
    const auto width = b.size() + 1;
    std::vector<std::size_t> two_back(width), back(width), row(width);
    for (std::size_t j = 0; j < width; ++j) row[j] = j;
    for (std::size_t i = 1; i <= a.size(); ++i) {
        two_back.swap(back);
        back.swap(row);
        row[0] = i;
        for (std::size_t j = 1; j <= b.size(); ++j) {
            const bool same = lower(a[i - 1]) == lower(b[j - 1]);
            row[j] = std::min({back[j] + 1, row[j - 1] + 1, back[j - 1] + (same ? 0 : 1)});
            const bool swapped =
                i > 1 && j > 1 && lower(a[i - 1]) == lower(b[j - 2]) && lower(a[i - 2]) == lower(b[j - 1]);
            if (swapped) row[j] = std::min(row[j], two_back[j - 2] + 1);
        }
    }
    return row[b.size()];
}

}  // namespace

std::string_view nearest(std::string_view found, std::span<const std::string_view> words) {
    constexpr std::size_t longest = 64, most = 250;  // no word of ours is longer, and a guess may not cost seconds
    if (found.size() > longest) return {};
    words = words.first(std::min(words.size(), most));
    std::string_view best;
    auto least = found.size();
    for (auto word : words) {
        const auto apart = distance(found, word);
        if (3 * apart <= std::max(found.size(), word.size()) && apart < least) {
            best = word;
            least = apart;
        }
    }
    return best;
}

std::string did_you_mean(std::string_view found, std::span<const std::string_view> words) {
    const auto meant = nearest(found, words);
    return meant.empty() ? std::string{} : "; did you mean '" + std::string{meant} + "'?";
}

}  // namespace weir::conf
