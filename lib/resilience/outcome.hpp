#pragma once
/// How one try on a server ended, as the mechanisms of this floor see it.
///
///     breaker.report(ticket, outcome::bad, took, now);
///
/// The caller maps what happened: a failed connect or handshake, a reset before the response, a timeout of the try, 502,
/// 503 and 504 are `bad`; 429 is `limited`; any other status is `good` or, from 400 up, `alive`; what weir itself refused
/// (limit, queue, deadline, budget, breaker) is `ignored`, and so is a client that left early.
#include <cstddef>
#include <cstdint>

namespace weir {

enum class outcome : std::uint8_t {
    good,
    alive,    // 4xx: the server works, the request was wrong; clears no failure streak
    limited,  // 429: lowers the success share, is no failure in a row
    bad,
    ignored,
};
inline constexpr std::size_t outcome_count = static_cast<std::size_t>(outcome::ignored) + 1;

}  // namespace weir
