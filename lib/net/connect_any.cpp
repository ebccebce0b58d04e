#include <algorithm>
#include <optional>
#include <vector>

#include "lib/async/event.hpp"
#include "lib/async/race.hpp"
#include "lib/async/scope.hpp"
#include "lib/net/socket.hpp"

namespace weir {
namespace {

constexpr auto attempt_delay = 250ms;  // RFC 8305 section 8

struct attempts {
    explicit attempts(loop& time) : news{time}, running{time} {}
    std::optional<connected> winner;
    io_error first_error;
    std::size_t failed = 0;
    event news;
    scope running;  // last: its tasks refer to the rest
};

task<void> attempt(stream_context& context, address to, std::size_t index, attempts& shared) {
    auto stream = co_await connect(context, to);
    if (stream && !shared.winner) {
        shared.winner.emplace(connected{std::move(*stream), std::move(to)});
    } else if (!stream) {
        ++shared.failed;
        if (index == 0) shared.first_error = stream.error();
    }
    shared.news.set();
}

}  // namespace

task<io_result<connected>> connect_any(stream_context& context, std::vector<address> to) {
    if (to.size() == 1) {
        auto stream = co_await connect(context, to[0]);
        if (!stream) co_return std::unexpected{stream.error()};
        co_return connected{std::move(*stream), std::move(to[0])};
    }
    attempts shared{context.time};
    for (std::size_t i = 0; i < to.size(); ++i) {
        const auto failed_before = shared.failed;
        shared.news.clear();
        shared.running.spawn(attempt(context, to[i], i, shared));
        const auto next_attempt = context.time.now() + attempt_delay;
        const bool last = i + 1 == to.size();
        while (!shared.winner && (last ? !shared.running.empty() : shared.failed == failed_before)) {
            if (last) {
                co_await shared.news.wait();
            } else if (!co_await timeout_at(context.time, next_attempt, shared.news.wait())) {
                break;
            }
            shared.news.clear();
        }
        if (shared.winner) co_return std::move(*shared.winner);
    }
    co_return std::unexpected{to.empty() ? io_error{EADDRNOTAVAIL} : shared.first_error};
}

std::vector<address> interleave_families(std::vector<address> addresses) {
    if (addresses.empty()) return addresses;
    const auto preferred = addresses.front().kind();
    const auto others = std::stable_partition(addresses.begin(), addresses.end(),
                                              [&](const address& a) { return a.kind() == preferred; });
    std::vector<address> mixed;
    mixed.reserve(addresses.size());
    for (auto a = addresses.begin(), b = others; a != others || b != addresses.end();) {
        if (a != others) mixed.push_back(*a++);
        if (b != addresses.end()) mixed.push_back(*b++);
    }
    return mixed;
}

}  // namespace weir
