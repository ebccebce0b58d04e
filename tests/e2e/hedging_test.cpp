/// Several tries at once: a second one when the first is late, or all from the start.
#include "tests/e2e/proxy_fixture.hpp"
#include "tests/support/catch.hpp"

using namespace weir::testing;

namespace {

/// The first server is asked first, always.
std::string hung_first(const std::string& hung, const std::string& well, const std::string& in_backend,
                       const std::string& in_route = {}) {
    return "listen 127.0.0.1:0 { route / web { " + in_route + " } }\nbackend web {\n    server " + hung +
           ";\n    server " + well + " backup=on;\n    " + in_backend + "\n}\n";
}

const std::string ample = "retry 0 budget=100% reserve=1000; ";

}  // namespace

TEST_CASE("hedge: a server that hangs is overtaken by another one", "[e2e]") {
    raw_server hung;  // accepts in the kernel, and never answers
    origin_process web;
    proxy weir{hung_first(hung.address(), web.address(), ample + "hedge after=10ms budget=100%;")};
    raw_client client{weir.address()};
    for (int i = 0; i < 5; ++i) CHECK(client.get("/bytes/3").status == 200);
    CHECK(origin_count(web.address(), "requests") == 5);
    const auto line = weir.logged("/bytes/3");
    CHECK(line["server"] == web.address());
    CHECK(line["tries"] == "2");
}

TEST_CASE("hedge: not for what may not be repeated, has a body, or finds no budget", "[e2e]") {
    raw_server hung;
    origin_process web;
    SECTION("POST and PUT") {
        proxy weir{hung_first(hung.address(), web.address(),
                              ample + "hedge after=10ms budget=100%; timeout first_byte=100ms;")};
        raw_client client{weir.address()};
        for (const std::string method : {"POST", "PUT"})
            CHECK(client.ask(method + " /upload HTTP/1.1\r\nHost: t\r\nContent-Length: 3\r\n\r\nabc").status == 504);
    }
    SECTION("no budget") {
        proxy weir{hung_first(hung.address(), web.address(),
                              "retry 0 budget=0% reserve=0; hedge after=10ms budget=100%; timeout first_byte=100ms;")};
        CHECK(get(weir.address(), "/bytes/3").why() == "first_byte_timeout");
    }
    SECTION("off") {
        proxy weir{hung_first(hung.address(), web.address(),
                              ample + "hedge after=10ms budget=100%; timeout first_byte=100ms;", "hedge after=off;")};
        CHECK(get(weir.address(), "/bytes/3").why() == "first_byte_timeout");
    }
    CHECK(origin_count(web.address(), "requests") == 0);
}

TEST_CASE("race: the first good answer wins, whoever else hangs, fails or refuses", "[e2e]") {
    origin_process web;
    SECTION("hangs") {
        raw_server hung;
        proxy weir{hung_first(hung.address(), web.address(), ample, "race 2;")};
        raw_client client{weir.address()};
        for (int i = 0; i < 5; ++i) CHECK(client.get("/bytes/3").status == 200);
        CHECK(origin_count(web.address(), "requests") == 5);
    }
    SECTION("fails") {
        origin_process sick{{"--default", "status=500"}};
        proxy weir{hung_first(sick.address(), web.address(), ample, "race 2;")};
        raw_client client{weir.address()};
        for (int i = 0; i < 5; ++i) CHECK(client.get("/bytes/3").status == 200);
    }
    SECTION("refuses") {
        closed_port nobody;
        proxy weir{hung_first(nobody.address(), web.address(), ample, "race 2;")};
        CHECK(get(weir.address(), "/bytes/3").status == 200);
    }
    SECTION("all fail: the client gets the failure") {
        origin_process sick{{"--default", "status=500"}}, ill{{"--default", "status=500"}};
        proxy weir{hung_first(sick.address(), ill.address(), ample, "race 2;")};
        CHECK(get(weir.address(), "/bytes/3").status == 500);
    }
}

TEST_CASE("a loser's connection is closed, and its server sees the client leave", "[e2e]") {
    origin_process hung, web;
    get(hung.address(), "/control?silent");
    proxy weir{hung_first(hung.address(), web.address(), ample + "hedge after=10ms budget=100%;")};
    CHECK(get(weir.address(), "/bytes/3").status == 200);
    CHECK(eventually([&] { return origin_count(hung.address(), "in_flight") == 0; }));
    CHECK(origin_count(hung.address(), "aborted") == 1);
}
