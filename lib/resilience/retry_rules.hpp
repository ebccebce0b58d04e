#pragma once
/// Whether a try that failed may be followed by another one, and when: all rules in one pure function.
///
///     const auto next = next_try_after(failure, policy, chance);
///     if (!next) co_return answer(failure, word(next.error()));            // says why not
///     if (!next->free && !budget.charge(now)) co_return answer(failure);
///     co_await time.sleep(next->wait);                                     // 0: at once, no sleep needed
///
/// What nothing was sent of may always be tried again. What a server may have processed may be only when doing it
/// twice is harmless (RFC 9110 section 9.2.2 forbids a proxy to repeat other requests on its own) and the policy
/// names the cause; a server that took the bytes and closed cannot prove that it did nothing. A 503 that carries a
/// trusted mark "not processed" counts as unsent. After the first byte of an answer went to the client: never.
///
///     failure                       idempotent, or key given        other
///     connect, TLS failed           if connect_failure              if connect_failure
///     pooled connection was dead    always, for free                always, for free
///     reset after bytes             if reset                        never
///     503 marked "not processed"    if trusted                      if trusted
///     status                        if listed                       never
///     timeout of the try            if timeout                      never, unless nothing was sent
///
/// A pooled connection that was dead says nothing about its server, costs neither an attempt nor a token, and repeats
/// at once: each time the pool has one dead connection less. A failed connect repeats at once on another server.
/// Everything else waits: backoff with full jitter, after Retry-After when that is at most `longest_retry_after`. A
/// wait that leaves less than what such a request usually takes is not begun: the client gets the real error now in
/// place of a timeout later. The budget (retry_budget.hpp) is asked after this, by the caller.
#include <bitset>
#include <cstdint>
#include <expected>
#include <optional>
#include <string_view>

#include "lib/resilience/backoff.hpp"

namespace weir {

/// A set of status codes from 400 to 599; others are never in it.
class status_set {
public:
    void add(unsigned status) noexcept {
        if (holds(status)) members_.set(status - lowest);
    }
    bool contains(unsigned status) const noexcept { return holds(status) && members_.test(status - lowest); }

private:
    static constexpr unsigned lowest = 400, size = 200;
    static constexpr bool holds(unsigned status) noexcept { return status >= lowest && status - lowest < size; }

    std::bitset<size> members_;
};

struct retry_policy {
    bool connect_failure = true;
    bool reset = true;
    bool timeout = false;
    status_set statuses{};
    bool trust_marker = false;
    backoff_policy backoff{};
    milliseconds longest_retry_after{1'000};
};

struct failed_try {
    enum class kind : std::uint8_t {
        connect,      // no connection, or no TLS on it
        dead_pooled,  // a connection from the pool broke before the kernel took a byte of the request
        reset,        // the connection broke before a byte of the response
        status,       // there was a response, with this status
        timeout,      // the time of this try is over
    };
    kind what = kind::connect;
    bool sent = true;             // the kernel took bytes of the request; only read for a timeout
    bool repeatable = false;      // idempotent method, or idempotency key given
    bool replayable = false;      // the whole body can be sent again; false too when the response came before its end
    bool answered = false;        // the response head went to the client
    bool another_server = false;  // there is a usable one that this request has not tried
    unsigned retries = 0;         // that were made before
    unsigned retries_left = 0;
    nanoseconds time_left{};             // to the deadline of the request
    std::optional<nanoseconds> usual{};  // p50 from dispatch to response head; none while it is not known
    // Of a response:
    unsigned status = 0;
    bool marked_unprocessed = false;  // X-Not-Processed: 1
    bool marked_final = false;        // X-Retry: no
    std::optional<nanoseconds> retry_after{};
};

struct next_try {
    nanoseconds wait{};
    bool free = false;  // costs neither an attempt nor a token
    bool operator==(const next_try&) const = default;
};

enum class no_retry : std::uint8_t {
    answered,        // the client has part of a response
    not_enabled,     // the policy does not name this cause
    not_repeatable,  // a server may have processed what must not be processed twice
    not_replayable,  // the body is gone
    told_not_to,     // X-Retry: no
    no_attempt_left,
    told_to_wait,  // Retry-After is too long: the client gets the answer as it is
    no_time_left,
};

/// The name of the value, as in the log.
std::string_view word(no_retry why) noexcept;

std::expected<next_try, no_retry> next_try_after(const failed_try& failure, const retry_policy& policy,
                                                 random_source& chance) noexcept;

}  // namespace weir
