/// Servers that are checked: who fails gets no requests, and gets them again when it is well.
#include "tests/e2e/proxy_fixture.hpp"
#include "tests/support/catch.hpp"

using namespace weir::testing;

namespace {

/// Who answers `requests` GETs of /id; a name for each, in turn.
std::vector<std::string> who_answers(raw_client& client, int requests) {
    std::vector<std::string> names;
    for (int i = 0; i < requests; ++i) {
        const auto answer = client.get("/id");
        CHECK(answer.status == 200);
        names.push_back(answer.body);
    }
    return names;
}
long count_of(const std::vector<std::string>& names, const std::string& name) {
    long found = 0;
    for (const auto& each : names) found += each == name;
    return found;
}

}  // namespace

TEST_CASE("a server whose health path fails gets no requests until it is well again", "[e2e]") {
    origin_process well{{"--name", "well"}}, sick{{"--name", "sick"}};
    const auto id_of_sick = get(sick.address(), "/id").body;
    proxy weir{simple({well.address(), sick.address()}, "",
                      "balance round_robin; retry 0; slow_start off; health GET /healthz every=100ms rise=2 fall=2;")};
    raw_client client{weir.address()};
    CHECK(count_of(who_answers(client, 10), id_of_sick) == 5);

    REQUIRE(get(sick.address(), "/control?status=503").status == 200);
    const auto down = weir.told(" is down: ");
    CHECK(down.contains(" warn "));
    CHECK(down.ends_with("health: " + sick.address() + " of web is down: status 503"));
    CHECK(count_of(who_answers(client, 20), id_of_sick) == 0);

    REQUIRE(get(sick.address(), "/control/reset").status == 200);
    CHECK(weir.told(" is up").ends_with("health: " + sick.address() + " of web is up"));
    CHECK(count_of(who_answers(client, 10), id_of_sick) == 5);
    CHECK(weir.stop() == 0);
}

TEST_CASE("a check by tcp: nobody listens, so nobody is sent there", "[e2e]") {
    origin_process web;
    closed_port nobody;
    proxy weir{simple({web.address(), nobody.address()}, "",
                      "balance round_robin; retry 0; health tcp every=100ms rise=2 fall=2;")};
    CHECK(weir.told(" is down: ").ends_with("health: " + nobody.address() + " of web is down: connect refused"));
    raw_client client{weir.address()};
    for (int i = 0; i < 10; ++i) CHECK(client.get("/id").status == 200);
}

TEST_CASE("a check that is not answered holds up neither traffic nor the end", "[e2e]") {
    origin_process web;
    raw_server silent;  // connections are accepted by the kernel, and that is all
    proxy weir{simple({web.address(), silent.address()}, "",
                      "balance round_robin; retry 0; health GET /healthz every=100ms timeout=200ms rise=1 fall=3;")};
    CHECK(weir.told("health: " + silent.address() + " of web is down: ").ends_with(" is down: timed out"));
    raw_client client{weir.address()};
    for (int i = 0; i < 10; ++i) CHECK(client.get("/id").status == 200);
    auto check = silent.accept();
    CHECK(check.read_until("\r\n\r\n").starts_with("GET /healthz HTTP/1.1\r\nHost: " + silent.address() + "\r\n"));
    CHECK(weir.stop() == 0);
}
