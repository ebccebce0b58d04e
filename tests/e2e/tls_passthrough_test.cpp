/// tcp mode that looks at the ClientHello and passes TLS on unopened.
#include "tests/e2e/proxy_fixture.hpp"
#include "tests/e2e/tls_client.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/certificates.hpp"

using namespace weir::testing;

TEST_CASE("tls passthrough: the name and ALPN of the ClientHello decide, the handshake is the server's", "[e2e][tls]") {
    test_ca ca;
    const auto serving = [&](const std::string& name) {
        const auto files = ca.issue({.names = {name}});
        return std::vector<std::string>{"--tls-cert", files.certificate, "--tls-key",
                                        files.key,    "--tls-alpn",      "h2,http/1.1"};
    };
    origin_process a{serving("a.test")}, wild{serving("x.b.test")}, two{serving("two.test")};
    proxy weir{
        "listen 127.0.0.1:0 { protocol tcp; sni two.test two alpn=h2; sni a.test,two.test a; sni *.b.test wild; }"
        "backend a { server " +
        a.address() + "; } backend wild { server " + wild.address() + "; } backend two { server " + two.address() +
        "; }"};
    tls_client to_a{weir.address(), {.sni = "a.test", .ca = ca.file()}};
    REQUIRE(to_a.established());
    CHECK(to_a.get("/bytes/300000").body.size() == 300'000);
    CHECK(tls_client{weir.address(), {.sni = "x.b.test", .ca = ca.file()}}.verdict() == "ok");
    CHECK(tls_client{weir.address(), {.sni = "two.test", .alpn = "h2"}}.peer_subject() == "CN=two.test");
    CHECK(tls_client{weir.address(), {.sni = "two.test", .alpn = "http/1.1"}}.peer_subject() == "CN=a.test");

    tls_client unknown{weir.address(), {.sni = "c.test"}};
    CHECK_FALSE(unknown.established());
    CHECK(unknown.alert() == SSL_AD_UNRECOGNIZED_NAME);
    CHECK(weir.told("unknown_name").contains("c.test"));
}
