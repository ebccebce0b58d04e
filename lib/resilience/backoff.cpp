#include "lib/resilience/backoff.hpp"

#include <algorithm>

namespace weir {

nanoseconds backoff(const backoff_policy& policy, unsigned retries, random_source& chance) noexcept {
    nanoseconds longest = std::min(policy.first, policy.most);
    while (retries-- > 0 && longest > 0ns && longest < policy.most)
        longest = std::min<nanoseconds>(2 * longest, policy.most);
    return nanoseconds{static_cast<nanoseconds::rep>(chance.unit() * static_cast<double>(longest.count() + 1))};
}

}  // namespace weir
