#pragma once
/// Writes metrics in Prometheus' text format, version 0.0.4.
///
///     prometheus_page page{out};
///     page.begin("weir_requests_total", metric_kind::counter, "Requests that were begun.");
///     page.add({{"backend", "web"}}, 1520);
///     page.begin("weir_first_byte_seconds", metric_kind::histogram, "From the dispatch to the head of the response.");
///     page.add({{"backend", "web"}, {"server", "10.0.0.1:80"}}, counts);
///
/// All samples of a metric stand together, behind its HELP and TYPE, which is why begin() comes once for each name. A
/// metric that gets no sample is left out. Names and labels' names are the caller's constants (letters, digits and
/// underscores); labels' values and the help may be anything and are escaped.
///
/// By convention counters end in `_total`, units are base units and end the name: `_seconds`, `_bytes`. A histogram is
/// told in 15 buckets from 1 ms to 60 s, whatever resolution it was measured in, so that a series costs the same for
/// everybody; a value counts by the middle of the fine bucket it fell into, which is off by 3 % at most.
/// Belongs to one thread.
#include <array>
#include <cassert>
#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

#include "lib/telemetry/histogram.hpp"

namespace weir {

enum class metric_kind : std::uint8_t { counter, gauge, histogram };

struct metric_label {
    std::string_view name, value;
};

/// Those of one sample, four at most; what they refer to must outlive them.
class metric_labels {
public:
    metric_labels(std::initializer_list<metric_label> all = {}) noexcept {
        for (const auto& each : all) add(each);
    }
    metric_labels with(const metric_label& one_more) const noexcept {
        auto all = *this;
        all.add(one_more);
        return all;
    }
    const metric_label* begin() const noexcept { return labels_.data(); }
    const metric_label* end() const noexcept { return labels_.data() + count_; }

private:
    void add(const metric_label& one) noexcept {
        assert(count_ < labels_.size());
        labels_[count_++] = one;
    }
    std::array<metric_label, 4> labels_;
    std::size_t count_ = 0;
};

class prometheus_page {
public:
    static constexpr std::string_view content_type = "text/plain; version=0.0.4; charset=utf-8";
    /// The upper ends of a histogram's buckets, in microseconds; one without an end follows.
    static constexpr std::array<std::uint64_t, 15> bounds_us{
        1'000,   2'500,     5'000,     10'000,    25'000,     50'000,     100'000,    250'000,
        500'000, 1'000'000, 2'500'000, 5'000'000, 10'000'000, 30'000'000, 60'000'000,
    };

    explicit prometheus_page(std::string& out) noexcept : out_{out} {}

    /// `name` must live until the next begin(), `help` need not.
    void begin(std::string_view name, metric_kind kind, std::string_view help);
    void add(const metric_labels& whose, std::integral auto value) {
        begin_sample({}, whose, {});
        end_sample(static_cast<std::int64_t>(value));
    }
    void add(const metric_labels& whose, double value) {
        begin_sample({}, whose, {});
        end_sample(value);
    }
    void add(const metric_labels& whose, const latency_counts& values);

private:
    void begin_sample(std::string_view suffix, const metric_labels& whose, std::string_view bound);
    void end_sample(std::int64_t value);
    void end_sample(double value);

    std::string& out_;
    std::string_view name_;
    std::string heading_;  // HELP and TYPE; empty once they are written
};

}  // namespace weir
