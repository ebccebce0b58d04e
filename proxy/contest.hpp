#pragma once
/// Several tries of one request at once: hedging (a second one when the first is late) and racing (all from the start). The
/// first good response wins, the others are cancelled.
///
///     auto won = co_await contest(r, std::move(first), wanted, plan);
///
/// Only for what may be repeated and has no body. A loser's connection is saved if its answer comes soon (leftover.hpp), else
/// closed; its time so far tells the backend that it was no faster than that.
#include <expected>

#include "proxy/attempt.hpp"

namespace weir {

struct contest_plan {
    unsigned others = 1;               // at most so many beside the first
    std::optional<nanoseconds> after;  // hedging: when the next starts, unless the first has answered; racing: none
};

using attempt_ptr = std::unique_ptr<attempt>;

/// A good response is one whose status is below 500. Where there is none, the last that came, or the last failure.
/// `wanted.tried` learns of every server that was asked.
task<result<attempt_ptr>> contest(request& r, attempt_ptr first, wanted_place& wanted, tried_servers& tried,
                                  contest_plan plan);

}  // namespace weir
