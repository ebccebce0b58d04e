#include "lib/resilience/retry_rules.hpp"

#include <algorithm>
#include <utility>

namespace weir {
namespace {

using kind = failed_try::kind;

constexpr unsigned service_unavailable = 503;

bool believed_unprocessed(const failed_try& f, const retry_policy& policy) noexcept {
    return f.status == service_unavailable && f.marked_unprocessed && policy.trust_marker;
}

bool surely_unprocessed(const failed_try& f, const retry_policy& policy) noexcept {
    switch (f.what) {
    case kind::connect:
    case kind::dead_pooled: return true;
    case kind::reset: return false;
    case kind::status: return believed_unprocessed(f, policy);
    case kind::timeout: return !f.sent;
    }
    std::unreachable();
}

bool enabled(const failed_try& f, const retry_policy& policy) noexcept {
    switch (f.what) {
    case kind::connect: return policy.connect_failure;
    case kind::dead_pooled: return true;
    case kind::reset: return policy.reset;
    case kind::status: return policy.statuses.contains(f.status) || believed_unprocessed(f, policy);
    case kind::timeout: return policy.timeout;
    }
    std::unreachable();
}

}  // namespace

std::string_view word(no_retry why) noexcept {
    switch (why) {
    case no_retry::answered: return "answered";
    case no_retry::not_enabled: return "not_enabled";
    case no_retry::not_repeatable: return "not_repeatable";
    case no_retry::not_replayable: return "not_replayable";
    case no_retry::told_not_to: return "told_not_to";
    case no_retry::no_attempt_left: return "no_attempt_left";
    case no_retry::told_to_wait: return "told_to_wait";
    case no_retry::no_time_left: return "no_time_left";
    }
    std::unreachable();
}

std::expected<next_try, no_retry> next_try_after(const failed_try& f, const retry_policy& policy,
                                                 random_source& chance) noexcept {
    const auto no = [](no_retry why) { return std::unexpected{why}; };
    if (f.answered) return no(no_retry::answered);
    if (!enabled(f, policy)) return no(no_retry::not_enabled);
    if (!f.repeatable && !surely_unprocessed(f, policy)) return no(no_retry::not_repeatable);
    if (!f.replayable) return no(no_retry::not_replayable);
    const bool response = f.what == kind::status;
    if (response && f.marked_final) return no(no_retry::told_not_to);

    next_try next{.free = f.what == kind::dead_pooled};
    if (!next.free && f.retries_left == 0) return no(no_retry::no_attempt_left);

    const bool at_once = next.free || (f.what == kind::connect && f.another_server);
    if (!at_once) next.wait = backoff(policy.backoff, f.retries, chance);
    if (response && f.retry_after) {
        if (*f.retry_after > policy.longest_retry_after) return no(no_retry::told_to_wait);
        next.wait += *f.retry_after;  // the others were told the same time
    }
    if (next.wait >= f.time_left || f.usual.value_or(0ns) > f.time_left - next.wait) return no(no_retry::no_time_left);
    return next;
}

}  // namespace weir
