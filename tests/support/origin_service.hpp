#pragma once
/// A server of known capacity: serves so many requests at once, the others wait in one line without bound, first come first
/// served. What overloads look like behind a real server, with a capacity that is known exactly: slots / mean.
///
///     service desk;
///     desk.set("slots=8&mean=10ms&spread=lognormal", now);     // 800 requests a second
///     desk.arrive(key, now);
///     while (auto key = desk.next_finished(now)) ...           // answer it
///
/// The words of a setting, each of which may be changed while requests are served:
///
///     slots=8             served at once; 0 (the start): no line, everything is answered at once
///     mean=10ms           of the service time (units us, ms, s, m; none is ms)
///     spread=fixed        or exponential, or lognormal
///     cv=1                lognormal: standard deviation / mean
///     slow=10             every service time so many times longer
///     seed=1              of the service times
///
/// A slot takes the next in line at the moment when it became free, not when somebody looked: so the capacity is exact however
/// late this process is woken. A request whose client has left is served all the same, as most servers do.
#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <queue>
#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace origin {

using steady = std::chrono::steady_clock;

class service {
public:
    /// Changes what `query` names; says what is wrong with it, or nothing.
    std::string set(std::string_view query, steady::time_point now);
    bool on() const { return slots_ > 0; }

    void arrive(std::uint64_t who, steady::time_point now);
    /// The next whose service has ended by `now`, in the order of their ends.
    std::optional<std::uint64_t> next_finished(steady::time_point now);
    steady::time_point next_end() const;  ///< time_point::max() if none is served

private:
    enum class spread : std::uint8_t { fixed, exponential, lognormal };
    struct waiting {
        std::uint64_t who;
        steady::time_point since;
    };
    struct served {
        steady::time_point end;
        std::uint64_t turn, who;  // turn: those that end at the same moment leave in the order of their start
        auto operator<=>(const served&) const = default;
    };

    void start_more(steady::time_point free_since);
    std::chrono::nanoseconds draw();

    unsigned slots_ = 0;
    std::chrono::microseconds mean_{0};
    spread spread_ = spread::fixed;
    double cv_ = 1, slow_ = 1;
    std::mt19937_64 chance_{1};
    std::uint64_t turns_ = 0;
    std::deque<waiting> line_;
    std::priority_queue<served, std::vector<served>, std::greater<>> serving_;
};

}  // namespace origin
