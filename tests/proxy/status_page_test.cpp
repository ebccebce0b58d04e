#include "proxy/status_page.hpp"

#include "tests/support/catch.hpp"
#include "tests/support/json_text.hpp"
#include "tests/support/status_sample.hpp"

using namespace weir;
using namespace weir::testing;

namespace {

json_text page_of(const process_status& status) {
    std::string out;
    append_status(out, status);
    return json_text::read(out);
}

}  // namespace

TEST_CASE("status: the process, its listeners and workers") {
    const auto page = page_of(sample_status());
    CHECK(page["version"].text() == "weir 1.2");
    CHECK(page["phase"].text() == "serving");
    CHECK(page["uptime_ms"].number() == 90'000);
    CHECK(page["listeners"].size() == 2);
    CHECK(page["listeners"][1]["protocol"].text() == "tcp");
    CHECK(page["listeners"][0]["clients_refused_total"].number() == 6);
    REQUIRE(page["workers"].size() == 2);
    const auto& worker = page["workers"][0];
    CHECK(worker["answered"].truth());
    CHECK_FALSE(page["workers"][1]["answered"].truth());
    CHECK(worker["responses_total"]["2xx"].number() == 90);
    CHECK(worker["refused_total"]["no_route"].number() == 4);
    CHECK(worker["refused_total"].size() == 1);
    CHECK(worker["request_ms"]["count"].number() == 3);
    CHECK(worker["request_ms"]["mean"].number() == Approx(14.3).margin(0.1));
    CHECK(worker["request_ms"]["p50"].number() == Approx(2).epsilon(0.04));
    CHECK(worker["pressure_part_ratio"]["memory"].number() == 0.5);
    CHECK(worker["shed_step_on"]["no_hedges"].truth());
    CHECK(worker["loop_waited_ms"].number() == 3000);
    CHECK(page["offload_pools"][0]["done_total"].number() == 12);
}

TEST_CASE("status: backends and servers") {
    const auto page = page_of(sample_status());
    REQUIRE(page["backends"].size() == 2);
    const auto& web = page["backends"][0];
    CHECK(web["name"].text() == "web");
    CHECK(web["limit"].number() == 64);
    CHECK(web["queued"]["normal"].number() == 6);
    CHECK(web["queue_late"]["normal"].truth());
    CHECK(web["refused_total"]["queue_full"].number() == 9);
    REQUIRE(web["servers"].size() == 3);
    const auto& server = web["servers"][1];
    CHECK(server["verdict"].text() == "open");
    CHECK(server["breaker"].text() == "open");
    CHECK(server["breaker_cause"].text() == "streak");
    CHECK(server["limit"].is_null());
    CHECK(server["tries_total"]["hedge"].number() == 2);
    CHECK(server["outcomes_total"]["bad"].number() == 9);
    REQUIRE(web["routes"].size() == 1);
    CHECK(web["routes"][0]["name"].text() == "/api@12:5");
    CHECK(web["routes"][0]["limit"].number() == 8);
    CHECK(web["routes"][0]["in_flight"].number() == 3);
    REQUIRE(web["routes"][0]["breakers"].size() == 3);
    CHECK(web["routes"][0]["breakers"][2]["server"].text() == "10.0.0.2:80");
    CHECK(web["routes"][0]["breakers"][2]["breaker"].text() == "half_open");
    CHECK(server["connections_idle"].number() == 2);
    CHECK(page["backends"][1]["name"].text() == "odd \"name\\");
}

TEST_CASE("status: before the workers are there the page is valid too") {
    const auto page = page_of(process_status{});
    CHECK(page["phase"].text() == "starting");
    CHECK(page["workers"].size() == 0);
}
