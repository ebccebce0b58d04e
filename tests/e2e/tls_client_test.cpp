/// The client of the TLS tests, beside the origin that serves TLS: each shows that the other says what is true.
#include "tests/e2e/tls_client.hpp"

#include "tests/support/catch.hpp"
#include "tests/support/certificates.hpp"
#include "tests/support/origin_process.hpp"

using namespace weir::testing;

namespace {

origin_process tls_origin(const weir::tls::certificate_files& files, std::vector<std::string> more = {}) {
    std::vector<std::string> arguments{"--tls-cert", files.certificate, "--tls-key", files.key};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return origin_process{arguments};
}

std::string stats(const origin_process& web) { return tls_client{web.address()}.get("/control/stats").body; }

}  // namespace

TEST_CASE("tls_client: client and origin agree on what they negotiated") {
    test_ca ca;
    auto web = tls_origin(ca.issue({.names = {"a.test"}}), {"--tls-alpn", "h2,http/1.1"});
    tls_client client{web.address(), {.sni = "a.test", .alpn = "http/1.1", .ca = ca.file()}};
    REQUIRE(client.established());
    CHECK(client.version() == "TLSv1.3");
    CHECK(client.alpn() == "http/1.1");
    CHECK(client.peer_subject() == "CN=a.test");
    CHECK(client.peer_key() == "EC");
    CHECK(client.verdict() == "ok");
    CHECK(client.ocsp().empty());
    CHECK_FALSE(client.resumed());
    CHECK(client.get("/tls").body == R"({"version":"TLSv1.3","cipher":")" + client.cipher() +
                                         R"(","sni":"a.test","alpn":"http/1.1","client":"","resumed":false})"
                                         "\n");
}

TEST_CASE("tls_client: a body of many records comes whole, both ways, and both ends are orderly") {
    test_ca ca;
    auto web = tls_origin(ca.issue());
    tls_client client{web.address()};
    const std::string body(300'000, 'x');
    const auto back = client.ask("POST /echo HTTP/1.1\r\nHost: t\r\nContent-Length: 300000\r\n\r\n" + body);
    CHECK(back.whole);
    CHECK(back.body == body);
    CHECK(client.get("/bytes/9", "Connection: close\r\n").status == 200);
    CHECK(client.ended());
    CHECK(client.ended_orderly());
}

TEST_CASE("tls_client: a server that leaves without close_notify has cut the connection") {
    test_ca ca;
    auto web = tls_origin(ca.issue());
    tls_client client{web.address()};
    CHECK(client.get("/id?fail=close").status == 0);
    CHECK_FALSE(client.ended());
    CHECK_FALSE(client.ended_orderly());
}

TEST_CASE("tls_client: a session is resumed, in both versions") {
    test_ca ca;
    const auto version = GENERATE(TLS1_2_VERSION, TLS1_3_VERSION);
    auto web = tls_origin(ca.issue());
    tls_session kept;
    {
        tls_client first{web.address(), {.max_version = version}};
        first.get("/id");
        CHECK_FALSE(first.resumed());
        kept = first.session();
    }
    REQUIRE(kept);
    tls_client again{web.address(), {.max_version = version, .resume = kept}};
    CHECK(again.resumed());
    CHECK(again.get("/tls").body.contains("\"resumed\":true"));
    CHECK(stats(web).contains("\"tls_full\":2,\"tls_resumed\":1,\"tls_failed\":0"));
}

TEST_CASE("tls_client: verification says what is wrong") {
    test_ca ca, stranger{"somebody else"};
    auto web = tls_origin(ca.issue({.names = {"a.test"}}));
    tls_client wrong_name{web.address(), {.sni = "b.test", .ca = ca.file()}};
    CHECK_FALSE(wrong_name.established());
    CHECK(wrong_name.verdict() == "hostname mismatch");
    tls_client wrong_ca{web.address(), {.sni = "a.test", .ca = stranger.file()}};
    CHECK_FALSE(wrong_ca.established());
    CHECK(tls_client{web.address(), {.sni = "other.test", .ca = ca.file(), .name = "a.test"}}.established());
}

TEST_CASE("tls_client: the alert of a refusal is told") {
    test_ca ca;
    SECTION("no version in common") {
        auto web = tls_origin(ca.issue(), {"--tls-max-version", "1.2"});
        tls_client client{web.address(), {.min_version = TLS1_3_VERSION}};
        CHECK_FALSE(client.established());
        CHECK(client.alert() == SSL_AD_PROTOCOL_VERSION);
        CHECK(stats(web).contains("\"tls_failed\":1"));
    }
    SECTION("no protocol in common") {
        auto web = tls_origin(ca.issue(), {"--tls-alpn", "http/1.1"});
        tls_client client{web.address(), {.alpn = "h2"}};
        CHECK(client.alert() == SSL_AD_NO_APPLICATION_PROTOCOL);
    }
    SECTION("a client's certificate is wanted, which TLS 1.3 says behind the handshake") {
        auto web = tls_origin(ca.issue(), {"--tls-client-ca", ca.file()});
        tls_client client{web.address()};
        CHECK(client.established());
        CHECK_FALSE(client.alert());
        CHECK(client.get("/id").status == 0);
        CHECK(client.alert() == SSL_AD_CERTIFICATE_REQUIRED);

        const auto ours = ca.issue({.names = {"client.test"}});
        tls_client known{web.address(), {.certificate = ours.certificate, .key = ours.key}};
        CHECK(known.get("/tls").body.contains("\"client\":\"CN=client.test\""));
    }
}

TEST_CASE("tls_client: a ClientHello by itself, in pieces") {
    test_ca ca;
    auto web = tls_origin(ca.issue());
    const auto hello = client_hello({.sni = "a.test", .alpn = "http/1.1"});
    CHECK(hello.starts_with("\x16\x03"));
    CHECK(hello.contains("a.test"));
    raw_client client{web.address()};
    client.send(hello.substr(0, 100));
    client.send(hello.substr(100));
    CHECK(client.read_exactly(2) == "\x16\x03");  // its ServerHello
}

TEST_CASE("tls_client: TLS may begin behind something else") {
    raw_server waiting;
    raw_client plain{waiting.address()};
    auto other_end = waiting.accept();
    plain.send("PROXY UNKNOWN\r\n");
    CHECK(other_end.read_exactly(15) == "PROXY UNKNOWN\r\n");
    other_end.finish_sending();
    tls_client client{std::move(plain)};
    CHECK_FALSE(client.established());
    CHECK(other_end.read_exactly(2) == "\x16\x03");
}
