#include "lib/telemetry/journal.hpp"

#include <algorithm>
#include <utility>

namespace weir {

std::string_view word(journal_kind kind) noexcept {
    switch (kind) {
    case journal_kind::phase: return "phase";
    case journal_kind::shedding: return "shedding";
    case journal_kind::panic: return "panic";
    case journal_kind::breaker: return "breaker";
    case journal_kind::ejection: return "ejection";
    case journal_kind::health: return "health";
    case journal_kind::limit: return "limit";
    case journal_kind::addresses: return "addresses";
    }
    return "";
}

void journal::add(time_point now, journal_entry what) {
    what.at = now;
    const std::lock_guard lock{mutex_};
    what.number = ++count_;
    if (ring_.size() < places_) ring_.push_back(std::move(what));
    else ring_[(count_ - 1) % places_] = std::move(what);
}

std::vector<journal_entry> journal::since(std::uint64_t seen) const {
    const std::lock_guard lock{mutex_};
    std::vector<journal_entry> found;
    for (auto n = std::max(seen, count_ - ring_.size()) + 1; n <= count_; ++n)
        found.push_back(ring_[(n - 1) % places_]);
    return found;
}

std::uint64_t journal::count() const {
    const std::lock_guard lock{mutex_};
    return count_;
}

}  // namespace weir
