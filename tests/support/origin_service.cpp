#include "tests/support/origin_service.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "tests/support/origin_behaviour.hpp"

namespace origin {
namespace {

template <class Number>
bool read_number(std::string_view text, Number& into) {
    const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), into);
    return problem == std::errc{} && end == text.data() + text.size();
}

}  // namespace

std::string service::set(std::string_view query, steady::time_point now) {
    while (!query.empty()) {
        const auto pair = query.substr(0, query.find('&'));
        query.remove_prefix(std::min(query.size(), pair.size() + 1));
        const auto equals = std::min(pair.find('='), pair.size());
        const auto key = pair.substr(0, equals), value = pair.substr(std::min(pair.size(), equals + 1));
        bool good = true;
        if (key == "slots") {
            good = read_number(value, slots_);
        } else if (key == "mean") {
            const auto mean = duration_of(value);
            good = mean.count() >= 0;
            if (good) mean_ = mean;
        } else if (key == "spread") {
            good = value == "fixed" || value == "exponential" || value == "lognormal";
            spread_ = value == "fixed"         ? spread::fixed
                      : value == "exponential" ? spread::exponential
                                               : spread::lognormal;
        } else if (key == "cv") {
            good = read_number(value, cv_) && cv_ > 0;
        } else if (key == "slow") {
            good = read_number(value, slow_) && slow_ > 0;
        } else if (key == "seed") {
            std::uint64_t seed = 0;
            good = read_number(value, seed);
            chance_.seed(seed);
        } else {
            return "unknown option '" + std::string{key} + "'";
        }
        if (!good) return "bad value in '" + std::string{pair} + "'";
    }
    start_more(now);
    return {};
}

void service::arrive(std::uint64_t who, steady::time_point now) {
    line_.push_back({who, now});
    start_more(now);
}

std::optional<std::uint64_t> service::next_finished(steady::time_point now) {
    if (serving_.empty() || serving_.top().end > now) return std::nullopt;
    const auto [end, turn, who] = serving_.top();
    serving_.pop();
    start_more(end);
    return who;
}

steady::time_point service::next_end() const {
    return serving_.empty() ? steady::time_point::max() : serving_.top().end;
}

void service::start_more(steady::time_point free_since) {
    // Without slots nobody new comes, but those in line still have to leave.
    while (!line_.empty() && (serving_.size() < slots_ || slots_ == 0)) {
        const auto next = line_.front();
        line_.pop_front();
        serving_.push({std::max(next.since, free_since) + draw(), turns_++, next.who});
    }
}

std::chrono::nanoseconds service::draw() {
    const auto mean = static_cast<double>(std::chrono::nanoseconds{mean_}.count()) * slow_;
    double time = mean;
    if (spread_ == spread::exponential) time = mean * std::exponential_distribution{1.0}(chance_);
    if (spread_ == spread::lognormal) {
        const double variance = std::log1p(cv_ * cv_);
        time = mean * std::lognormal_distribution{-variance / 2, std::sqrt(variance)}(chance_);
    }
    return std::chrono::nanoseconds{static_cast<std::int64_t>(time)};
}

}  // namespace origin
