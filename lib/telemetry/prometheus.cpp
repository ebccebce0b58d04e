#include "lib/telemetry/prometheus.hpp"

#include <charconv>
#include <cmath>

namespace weir {
namespace {

constexpr std::string_view word(metric_kind kind) {
    switch (kind) {
    case metric_kind::counter: return "counter";
    case metric_kind::gauge: return "gauge";
    case metric_kind::histogram: return "histogram";
    }
    return "";
}

/// A quotation mark has to be escaped only where it would end the text.
void append_escaped(std::string& out, std::string_view text, bool quoted) {
    for (const char c : text) {
        if (c == '\n') out.append("\\n");
        else if (c == '\\') out.append("\\\\");
        else if (c == '"' && quoted) out.append("\\\"");
        else out.push_back(c);
    }
}

template <class Number>
void append_number(std::string& out, Number value) {
    char text[32];
    out.append(text, std::to_chars(text, text + sizeof text, value).ptr);
}

constexpr double seconds(std::uint64_t us) noexcept { return static_cast<double>(us) / 1e6; }

}  // namespace

void prometheus_page::begin(std::string_view name, metric_kind kind, std::string_view help) {
    name_ = name;
    heading_.assign("# HELP ").append(name).append(" ");
    append_escaped(heading_, help, false);
    heading_.append("\n# TYPE ").append(name).append(" ").append(word(kind)).append("\n");
}

void prometheus_page::begin_sample(std::string_view suffix, const metric_labels& whose, std::string_view bound) {
    out_.append(heading_);
    heading_.clear();
    out_.append(name_).append(suffix);
    char before = '{';
    const auto append_label = [&](const metric_label& label) {
        out_.push_back(before);
        before = ',';
        out_.append(label.name).append("=\"");
        append_escaped(out_, label.value, true);
        out_.push_back('"');
    };
    for (const auto& each : whose) append_label(each);
    if (!bound.empty()) append_label({"le", bound});
    out_.append(before == '{' ? " " : "} ");
}

void prometheus_page::end_sample(std::int64_t value) {
    append_number(out_, value);
    out_.push_back('\n');
}

void prometheus_page::end_sample(double value) {
    if (std::isnan(value)) out_.append("NaN");
    else if (std::isinf(value)) out_.append(value > 0 ? "+Inf" : "-Inf");
    else append_number(out_, value);
    out_.push_back('\n');
}

void prometheus_page::add(const metric_labels& whose, const latency_counts& values) {
    std::uint64_t below = 0;
    std::size_t at = 0;
    for (const auto bound : bounds_us) {
        for (; at < latency_buckets::count && latency_buckets::middle_us(at) <= bound; ++at) below += values.bucket(at);
        std::string text;
        append_number(text, seconds(bound));
        begin_sample("_bucket", whose, text);
        end_sample(static_cast<std::int64_t>(below));
    }
    begin_sample("_bucket", whose, "+Inf");
    end_sample(static_cast<std::int64_t>(values.total()));
    begin_sample("_sum", whose, {});
    end_sample(seconds(values.sum_us()));
    begin_sample("_count", whose, {});
    end_sample(static_cast<std::int64_t>(values.total()));
}

}  // namespace weir
