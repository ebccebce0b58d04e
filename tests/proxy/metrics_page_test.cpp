#include "proxy/metrics_page.hpp"

#include "tests/support/catch.hpp"
#include "tests/support/prometheus_text.hpp"
#include "tests/support/status_sample.hpp"

using namespace weir;
using namespace weir::testing;

namespace {

prometheus_text page_of(const process_status& status) {
    std::string out;
    append_metrics(out, status);
    return prometheus_text::read(out);
}

}  // namespace

TEST_CASE("metrics: the page keeps to the format, every metric is weir's and explained") {
    const auto page = page_of(sample_status());
    CHECK(page.types.size() > 60);
    for (const auto& [name, type] : page.types) {
        CAPTURE(name);
        CHECK(name.starts_with("weir_"));
        CHECK(page.helps.at(name).ends_with("."));
        CHECK((type != "histogram" || name.ends_with("_seconds")));
    }
}

TEST_CASE("metrics: figures of the workers are summed up, or told for each") {
    const auto page = page_of(sample_status());
    CHECK(page.value("weir_connections_total") == 81);
    CHECK(page.value("weir_requests_total") == 201);
    CHECK(page.value("weir_responses_total{class=\"2xx\"}") == 180);
    CHECK(page.value("weir_responses_total{class=\"none\"}") == 2);
    CHECK(page.value("weir_refused_total{reason=\"no_route\"}") == 8);
    CHECK_FALSE(page.series.contains("weir_refused_total{reason=\"bad_host\"}"));
    CHECK(page.value("weir_request_seconds_count") == 6);
    CHECK(page.value("weir_request_seconds_bucket{le=\"0.0025\"}") == 4);
    CHECK(page.value("weir_worker_pressure_ratio{worker=\"1\"}") == 0.5);
    CHECK(page.value("weir_worker_pressure_part_ratio{worker=\"0\",part=\"memory\"}") == 0.5);
    CHECK(page.value("weir_worker_shed_step_on{worker=\"0\",step=\"no_hedges\"}") == 1);
    CHECK(page.value("weir_worker_shed_step_on{worker=\"0\",step=\"pause_accept\"}") == 0);
    CHECK(page.value("weir_worker_shed_step_taken_total{worker=\"0\",step=\"no_hedges\"}") == 7);
    CHECK(page.value("weir_worker_loop_waited_seconds_total{worker=\"0\"}") == 3);
    CHECK(page.value("weir_worker_answered{worker=\"0\"}") == 1);
    CHECK(page.value("weir_worker_answered{worker=\"1\"}") == 0);
}

TEST_CASE("metrics: the process, its listeners and pools") {
    const auto page = page_of(sample_status());
    CHECK(page.value("weir_build_info{version=\"weir 1.2\"}") == 1);
    CHECK(page.value("weir_uptime_seconds") == 90);
    CHECK(page.value("weir_phase{phase=\"serving\"}") == 1);
    CHECK(page.value("weir_phase{phase=\"draining\"}") == 0);
    CHECK(page.value("weir_memory_used_bytes") == 12'345'678);
    CHECK(page.value("weir_descriptors_open") == 41);
    CHECK(page.value("weir_listener_connections_open{listener=\"127.0.0.1:8080\"}") == 3);
    CHECK(page.value("weir_listener_clients_refused_total{listener=\"127.0.0.1:8080\"}") == 6);
    CHECK(page.value("weir_offload_done_total{pool=\"weir-log\"}") == 12);
}

TEST_CASE("metrics: backends and servers") {
    const auto page = page_of(sample_status());
    CHECK(page.value("weir_backend_refused_total{backend=\"web\",reason=\"queue_full\"}") == 9);
    CHECK(page.value("weir_backend_queued{backend=\"web\",class=\"normal\"}") == 6);
    CHECK(page.value("weir_backend_queue_late{backend=\"web\",class=\"normal\"}") == 1);
    CHECK(page.value("weir_backend_queue_patience_seconds{backend=\"web\"}") == 0.1);
    CHECK(page.value("weir_backend_limit{backend=\"web\"}") == 64);
    CHECK_FALSE(page.series.contains("weir_backend_limit{backend=\"odd \\\"name\\\\\"}"));
    const std::string second = "{backend=\"web\",server=\"10.0.0.2:80\"";
    CHECK(page.value("weir_server_up" + second + "}") == 0);
    CHECK(page.value("weir_server_breaker" + second + ",state=\"open\"}") == 1);
    CHECK(page.value("weir_server_breaker" + second + ",state=\"closed\"}") == 0);
    CHECK(page.value("weir_server_tries_total" + second + ",kind=\"retry\"}") == 3);
    CHECK(page.value("weir_server_outcomes_total" + second + ",outcome=\"bad\"}") == 9);
    CHECK(page.value("weir_server_latency_seconds" + second + "}") == 0.003);
    CHECK(page.value("weir_server_connections_idle" + second + "}") == 2);
    CHECK(page.value("weir_server_first_byte_seconds_count" + second + "}") == 3);
}

TEST_CASE("metrics: routes that have rules of their own") {
    const auto page = page_of(sample_status());
    CHECK(page.value("weir_route_in_flight{backend=\"web\",route=\"/api@12:5\"}") == 3);
    CHECK(page.value("weir_route_limit{backend=\"web\",route=\"/api@12:5\"}") == 8);
    const std::string twin = "{backend=\"web\",server=\"10.0.0.2:80#2\",route=\"/api@12:5\"";
    CHECK(page.value("weir_route_breaker" + twin + ",state=\"half_open\"}") == 1);
    CHECK(page.value("weir_route_breaker" + twin + ",state=\"closed\"}") == 0);
    CHECK(page.value("weir_route_breaker_open_for_seconds" + twin + "}") == 2);
}

TEST_CASE("metrics: a server that stands twice has two series") {
    const auto page = page_of(sample_status());
    CHECK(page.value("weir_server_up{backend=\"web\",server=\"10.0.0.2:80\"}") == 0);
    CHECK(page.value("weir_server_up{backend=\"web\",server=\"10.0.0.2:80#2\"}") == 1);
}

TEST_CASE("metrics: before the workers are there the page is valid too") {
    process_status nothing;
    const auto page = page_of(nothing);
    CHECK(page.value("weir_phase{phase=\"starting\"}") == 1);
    CHECK(page.value("weir_requests_total") == 0);
    CHECK(page.sum("weir_worker_pressure_ratio") == 0);
}
