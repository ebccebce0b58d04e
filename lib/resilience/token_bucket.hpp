#pragma once
/// So many per period, and a burst when none came before: a bucket of `burst` tokens that fills evenly, one taken each.
///
///     const token_rate rate{.tokens = 100, .per = 1s, .burst = 20};
///     token_bucket bucket;                                // full
///     if (!bucket.take(rate, now)) retry_after(bucket.until_next(rate, now));
///
/// In any time t at most burst + t * tokens / per are taken. The rate is not kept in the bucket: thousands of clients
/// share one, and a new one holds from the next call on. Integers only (1/1000 of a token), nothing is lost by rounding
/// but part of a nanosecond for each token, and that to the careful side. 16 bytes; time must not go back. Pure; belongs to
/// one thread.
#include <algorithm>
#include <cassert>
#include <cstdint>
#include <limits>

#include "lib/async/loop.hpp"

namespace weir {

/// All above zero.
struct token_rate {
    unsigned tokens = 1;
    milliseconds per{1000};
    unsigned burst = 1;
};

class token_bucket {
public:
    bool take(const token_rate& rate, time_point now) noexcept {
        auto filled = *this;
        filled.fill(rate, now);
        if (filled.level_ < token) return false;  // and nothing is rounded
        filled.level_ -= token;
        *this = filled;
        return true;
    }

    /// How long it takes until take() succeeds; zero if it would now.
    nanoseconds until_next(const token_rate& rate, time_point now) const noexcept {
        return until(std::int64_t{token}, rate, now);
    }
    /// How long it takes until the bucket is full, when it no longer remembers anything.
    nanoseconds until_full(const token_rate& rate, time_point now) const noexcept {
        return until(full(rate), rate, now);
    }

private:
    static constexpr std::int64_t token = 1000;

    static std::int64_t full(const token_rate& rate) noexcept { return token * rate.burst; }
    static std::int64_t income(const token_rate& rate) noexcept { return token * rate.tokens; }  // in `per`

    /// a * b / c, rounded up.
    static std::int64_t scaled(std::int64_t a, std::int64_t b, std::int64_t c) noexcept {
        const auto exact = (static_cast<__int128>(a) * b + c - 1) / c;
        return static_cast<std::int64_t>(std::min<__int128>(exact, std::numeric_limits<std::int64_t>::max()));
    }

    /// How long it takes from `at_` to gain so much.
    static nanoseconds time_for(std::int64_t gain, const token_rate& rate) noexcept {
        return nanoseconds{scaled(gain, nanoseconds{rate.per}.count(), income(rate))};
    }

    nanoseconds until(std::int64_t level, const token_rate& rate, time_point now) const noexcept {
        const auto missing = level - level_;
        return missing <= 0 ? nanoseconds{0} : std::max(nanoseconds{0}, time_for(missing, rate) - (now - at_));
    }

    void fill(const token_rate& rate, time_point now) noexcept {
        assert(rate.tokens > 0 && rate.per > milliseconds{0} && rate.burst > 0);
        const auto missing = full(rate) - level_;
        if (missing <= 0 || now - at_ >= time_for(missing, rate)) {
            level_ = full(rate);
            at_ = now;
            return;
        }
        // Whole thousandths only; the time they took is what has passed, the rest counts next time.
        const auto per = nanoseconds{rate.per}.count();
        const auto gained = static_cast<std::int64_t>(static_cast<__int128>((now - at_).count()) * income(rate) / per);
        level_ += gained;
        at_ += time_for(gained, rate);
    }

    std::int64_t level_ = std::numeric_limits<std::int64_t>::max();  // in 1/1000 of a token, at the time `at_`
    time_point at_;
};

}  // namespace weir
