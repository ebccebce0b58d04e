#pragma once
/// When the requests of an open loop are wanted: at a rate that changes in steps.
///
///     schedule due{100, {{0s, 1}, {10s, 5}, {15s, 1}}};      // 100 a second, five times as many for five seconds
///     due.next();         // since the start; `schedule::never` if no more are wanted
///     due.step();         // which step that falls into
///     due.advance();      // on to the one after it
///
/// The n-th is wanted when the area under the rate reaches n: at even distances, without drift, or with a seed at random ones
/// (a Poisson process, as a crowd of independent clients makes).
#include <chrono>
#include <cstdint>
#include <optional>
#include <random>
#include <vector>

namespace loadgen {

struct step {
    std::chrono::nanoseconds from{0};
    double factor = 1;  ///< of the rate
};

class schedule {
public:
    using nanoseconds = std::chrono::nanoseconds;
    static constexpr nanoseconds never = std::chrono::hours{24 * 365};

    /// `rate` a second, above zero; `steps` in the order of their times, the first at zero, none empty: one step.
    explicit schedule(double rate, std::vector<step> steps = {}, std::optional<std::uint64_t> seed = {});

    nanoseconds next() const { return next_; }
    std::size_t step() const { return at_; }
    void advance();

private:
    void place();

    double rate_;
    std::vector<loadgen::step> steps_;
    bool random_;
    std::mt19937_64 chance_;
    std::uint64_t n_ = 0;
    double area_ = 0;  // in seconds at factor 1
    std::size_t at_ = 0;
    double area_before_ = 0;  // of the steps before that one
    nanoseconds next_{0};
};

}  // namespace loadgen
