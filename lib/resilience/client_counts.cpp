#include "lib/resilience/client_counts.hpp"

#include <algorithm>
#include <bit>
#include <cassert>

#include "lib/resilience/stable_hash.hpp"

namespace weir {

client_counts::client_counts(std::size_t places, unsigned limit)
    : places_{places}, limit_{limit}, table_(std::bit_ceil(2 * std::max<std::size_t>(places, 1))) {}

bool client_counts::enter(std::uint64_t key) noexcept {
    auto& s = table_[find(key)];
    if (s.count >= limit_) return false;
    if (s.count == 0) {
        if (clients_ == places_) return false;
        s.key = key;
        ++clients_;
    }
    ++s.count;
    return true;
}

void client_counts::leave(std::uint64_t key) noexcept {
    const auto at = find(key);
    assert(table_[at].count > 0);
    if (--table_[at].count > 0) return;
    --clients_;
    close_gap(at);
}

std::size_t client_counts::home(std::uint64_t key) const noexcept { return mix_bits(key) & (table_.size() - 1); }

/// Where the key is, or the free slot where it would go.
std::size_t client_counts::find(std::uint64_t key) const noexcept {
    auto at = home(key);
    while (table_[at].count > 0 && table_[at].key != key) at = (at + 1) & (table_.size() - 1);
    return at;
}

/// Moves back who stands behind the gap and would not be found across it.
void client_counts::close_gap(std::size_t gap) noexcept {
    const auto mask = table_.size() - 1;
    for (auto at = (gap + 1) & mask; table_[at].count > 0; at = (at + 1) & mask) {
        const auto wanted = home(table_[at].key);
        if (((at - wanted) & mask) < ((at - gap) & mask)) continue;  // its home is behind the gap
        table_[gap] = table_[at];
        table_[at].count = 0;
        gap = at;
    }
}

}  // namespace weir
