#pragma once
/// Which servers a request has tried: one of them comes again only when nothing else is left.
///
///     tried_servers tried;
///     tried.add(place->index());
///
/// No allocation for the first 64 servers of a backend.
#include <cstddef>
#include <cstdint>
#include <vector>

namespace weir {

class tried_servers {
public:
    bool contains(std::size_t i) const noexcept {
        return i < 64 ? (first_ >> i & 1) != 0 : i - 64 < others_.size() && others_[i - 64];
    }
    void add(std::size_t i) {
        if (i < 64) {
            first_ |= std::uint64_t{1} << i;
        } else {
            if (i - 64 >= others_.size()) others_.resize(i - 63);
            others_[i - 64] = true;
        }
    }

private:
    std::uint64_t first_ = 0;
    std::vector<bool> others_;
};

}  // namespace weir
