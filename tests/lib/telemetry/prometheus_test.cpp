#include "lib/telemetry/prometheus.hpp"

#include <limits>
#include <vector>

#include "tests/support/prometheus_text.hpp"
#include "tests/support/property.hpp"

using namespace weir;
using weir::testing::prometheus_text;

TEST_CASE("metrics page: HELP and TYPE once, then the samples") {
    std::string out;
    prometheus_page page{out};
    page.begin("weir_requests_total", metric_kind::counter, "Requests that were begun.");
    page.add({{"backend", "web"}, {"class", "2xx"}}, 1520u);
    page.add({{"backend", "api"}, {"class", "2xx"}}, 7u);
    page.begin("weir_pressure_ratio", metric_kind::gauge, "How short weir is of something.");
    page.add({}, 0.25);
    CHECK(out == "# HELP weir_requests_total Requests that were begun.\n"
                 "# TYPE weir_requests_total counter\n"
                 "weir_requests_total{backend=\"web\",class=\"2xx\"} 1520\n"
                 "weir_requests_total{backend=\"api\",class=\"2xx\"} 7\n"
                 "# HELP weir_pressure_ratio How short weir is of something.\n"
                 "# TYPE weir_pressure_ratio gauge\n"
                 "weir_pressure_ratio 0.25\n");
}

TEST_CASE("metrics page: a metric without samples is not mentioned") {
    std::string out;
    prometheus_page page{out};
    page.begin("weir_unused_total", metric_kind::counter, "Nothing.");
    page.begin("weir_used_total", metric_kind::counter, "Something.");
    page.add({}, 0);
    CHECK_FALSE(out.contains("unused"));
    CHECK(prometheus_text::read(out).value("weir_used_total") == 0);
}

TEST_CASE("metrics page: values of labels and help are escaped") {
    std::string out;
    prometheus_page page{out};
    page.begin("weir_odd", metric_kind::gauge, "A \\ and a \"\nsecond line");
    page.add({{"name", "a\"b\\c\nd"}}, 1);
    CHECK(out == "# HELP weir_odd A \\\\ and a \"\\nsecond line\n# TYPE weir_odd gauge\n"
                 "weir_odd{name=\"a\\\"b\\\\c\\nd\"} 1\n");
}

TEST_CASE("metrics page: numbers of every kind") {
    std::string out;
    prometheus_page page{out};
    page.begin("weir_n", metric_kind::gauge, "n");
    page.add({{"of", "nan"}}, std::numeric_limits<double>::quiet_NaN());
    page.add({{"of", "inf"}}, std::numeric_limits<double>::infinity());
    page.add({{"of", "-inf"}}, -std::numeric_limits<double>::infinity());
    page.add({{"of", "small"}}, 1e-9);
    page.add({{"of", "negative"}}, -5);
    CHECK(out.contains("nan\"} NaN\n"));
    CHECK(out.contains("\"inf\"} +Inf\n"));
    CHECK(out.contains("-inf\"} -Inf\n"));
    const auto read = prometheus_text::read(out);
    CHECK(read.value("weir_n{of=\"small\"}") == 1e-9);
    CHECK(read.value("weir_n{of=\"negative\"}") == -5);
}

TEST_CASE("metrics page: a histogram has its buckets, sum and count") {
    latency_histogram measured;
    for (const std::uint64_t us : {10u, 900u, 4'000u, 4'000u, 70'000'000u}) measured.record_us(us);
    latency_counts counts;
    measured.add_to(counts);
    std::string out;
    prometheus_page page{out};
    page.begin("weir_took_seconds", metric_kind::histogram, "How long.");
    page.add({{"backend", "web"}}, counts);
    const auto read = prometheus_text::read(out);
    CHECK(read.value("weir_took_seconds_bucket{backend=\"web\",le=\"0.001\"}") == 2);
    CHECK(read.value("weir_took_seconds_bucket{backend=\"web\",le=\"0.0025\"}") == 2);
    CHECK(read.value("weir_took_seconds_bucket{backend=\"web\",le=\"0.005\"}") == 4);
    CHECK(read.value("weir_took_seconds_bucket{backend=\"web\",le=\"60\"}") == 4);
    CHECK(read.value("weir_took_seconds_bucket{backend=\"web\",le=\"+Inf\"}") == 5);
    CHECK(read.value("weir_took_seconds_count{backend=\"web\"}") == 5);
    CHECK(read.value("weir_took_seconds_sum{backend=\"web\"}") == 70.00891);
    CHECK(read.series.size() == prometheus_page::bounds_us.size() + 3);
}

TEST_CASE("metrics page: whatever is measured, the format holds and no value is lost", "[property]") {
    rc::prop("for any values and any text in a label",
             [](const std::vector<std::uint32_t>& values, const std::string& text) {
        latency_histogram measured;
        for (const auto us : values) measured.record_us(us);
        latency_counts counts;
        measured.add_to(counts);
        std::string out;
        prometheus_page page{out};
        page.begin("weir_took_seconds", metric_kind::histogram, "How long.");
        page.add({{"backend", "web"}}, counts);
        page.begin("weir_named", metric_kind::gauge, text + "x");
        page.add({{"name", text}}, 1);
        const auto read = prometheus_text::read(out);
        std::size_t at_most_a_second = 0;
        for (const auto us : values) at_most_a_second += us <= 1'000'000 ? 1 : 0;
        const auto told = read.value("weir_took_seconds_bucket{backend=\"web\",le=\"1\"}");
        std::size_t near = 0;  // which of its bucket's neighbours a value is counted with is left open
        for (const auto us : values) near += us > 960'000 && us < 1'040'000 ? 1 : 0;
        RC_ASSERT(std::abs(told - static_cast<double>(at_most_a_second)) <= static_cast<double>(near));
        RC_ASSERT(read.value("weir_took_seconds_count{backend=\"web\"}") == static_cast<double>(values.size()));
    });
}
