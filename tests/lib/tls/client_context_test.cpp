#include "lib/tls/client_context.hpp"

#include <openssl/err.h>

#include "lib/tls/server_context.hpp"
#include "lib/tls/session_facts.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/certificates.hpp"
#include "tests/support/tls_pair.hpp"

using namespace weir::tls;
using namespace weir::testing;
using namespace std::chrono_literals;

namespace {

wall_time now() { return std::chrono::system_clock::now(); }

std::shared_ptr<const client_context> client_with(const client_settings& settings) {
    auto made = client_context::load(settings, now());
    REQUIRE(made);
    return *made;
}
std::shared_ptr<const server_context> server_with(const server_settings& settings) {
    auto made = server_context::load(settings, std::make_shared<ticket_keys>(12h, now()), now());
    REQUIRE(made);
    return *made;
}

/// "ok", or why not.
std::string connect(const client_context& client, const std::string& name, const server_context& server) {
    tls_pair pair{client.new_session(name, nullptr), server.new_session()};
    return pair.shake_hands() ? "ok" : pair.why_client;
}

}  // namespace

TEST_CASE("client context: a server must prove its name", "[tls]") {
    test_ca ca, others{"others"};
    const auto server =
        server_with({.certificates = {ca.issue({.names = {"a.test", "*.b.test", "127.0.0.1", "::1"}})}});
    const auto client = client_with({.ca = ca.file()});
    CHECK(connect(*client, "a.test", *server) == "ok");
    CHECK(connect(*client, "x.b.test", *server) == "ok");
    CHECK(connect(*client, "127.0.0.1", *server) == "ok");
    CHECK(connect(*client, "::1", *server) == "ok");
    CHECK(connect(*client, "c.test", *server) == "certificate refused: hostname mismatch");
    CHECK(connect(*client, "b.test", *server) == "certificate refused: hostname mismatch");
    CHECK(connect(*client, "127.0.0.2", *server) == "certificate refused: IP address mismatch");

    const auto suspicious = client_with({.ca = others.file()});
    CHECK(connect(*suspicious, "a.test", *server).starts_with("certificate refused: unable to get"));
    const auto usual = client_with({});
    CHECK(connect(*usual, "a.test", *server).starts_with("certificate refused: unable to get"));
    const auto trusting = client_with({.verify = false});
    CHECK(connect(*trusting, "c.test", *server) == "ok");
    CHECK(connect(*trusting, "", *server) == "ok");
}

TEST_CASE("client context: an expired server is refused", "[tls]") {
    test_ca ca;
    const auto files = ca.issue({.valid_since = -48h, .valid_for = -24h});
    const auto server = *server_context::load({.certificates = {files}, .tickets = false}, nullptr, now() - 30h);
    CHECK(connect(*client_with({.ca = ca.file()}), "a.test", *server) ==
          "certificate refused: certificate has expired");
}

TEST_CASE("client context: whoever names an intermediate authority trusts it", "[tls]") {
    test_ca root{"root"};
    test_ca middle{root, "middle"};
    const auto server = server_with({.certificates = {middle.issue()}});
    CHECK(connect(*client_with({.ca = middle.file()}), "a.test", *server) == "ok");
    CHECK(connect(*client_with({.ca = root.file()}), "a.test", *server) == "ok");
}

TEST_CASE("client context: the name is asked for, an address is not", "[tls]") {
    test_ca ca;
    const auto server = server_with({.certificates = {ca.issue({.names = {"a.test", "127.0.0.1"}})}});
    const auto client = client_with({.ca = ca.file()});
    const auto asked = [&](const std::string& name) {
        tls_pair pair{client->new_session(name, nullptr), server->new_session()};
        REQUIRE(pair.shake_hands());
        const char* seen = SSL_get_servername(pair.server(), TLSEXT_NAMETYPE_host_name);
        return std::string{seen ? seen : "nobody"};
    };
    CHECK(asked("a.test") == "a.test");
    CHECK(asked("127.0.0.1") == "nobody");
}

TEST_CASE("client context: ALPN, versions and our certificate", "[tls]") {
    test_ca ca;
    const auto server = server_with(
        {.certificates = {ca.issue()}, .alpn = {"http/1.1"}, .clients = client_auth::required, .client_ca = ca.file()});
    const client_settings settings{.ca = ca.file(),
                                   .certificate = ca.issue({.names = {"weir"}}),
                                   .min_version = version::tls13,
                                   .alpn = {"http/1.1"}};
    tls_pair pair{client_with(settings)->new_session("a.test", nullptr), server->new_session()};
    REQUIRE(pair.shake_hands());
    CHECK(pair.alpn() == "http/1.1");
    CHECK(SSL_get_version(pair.client()) == std::string{"TLSv1.3"});
    CHECK(peer_certificate(pair.server())->subject == "CN=weir");
    tls_pair nameless{client_with({.ca = ca.file()})->new_session("a.test", nullptr), server->new_session()};
    CHECK_FALSE(nameless.shake_hands());
}

TEST_CASE("client context: sessions are resumed", "[tls]") {
    test_ca ca;
    const auto files = ca.issue();
    const auto server = server_with({.certificates = {files}});
    const auto client = client_with({.ca = ca.file()});
    session_store sessions;
    const auto resumed = [&](const client_context& with, const server_context& at) {
        tls_pair pair{with.new_session("a.test", &sessions), at.new_session()};
        REQUIRE(pair.shake_hands());
        return pair.resumed();
    };
    SECTION("one of TLS 1.3 is used once, and replaced") {
        CHECK_FALSE(resumed(*client, *server));
        CHECK(resumed(*client, *server));
        CHECK(resumed(*client, *server));
        const auto one = client->new_session("a.test", &sessions);
        CHECK(SSL_get_session(one.get()) != nullptr);
        const auto two = client->new_session("a.test", &sessions);
        CHECK(SSL_get_session(two.get()) == nullptr);
    }
    SECTION("one of TLS 1.2 again and again") {
        const auto old = client_with({.ca = ca.file()});
        const auto connect_old = [&] {
            auto ssl = old->new_session("a.test", &sessions);
            SSL_set_max_proto_version(ssl.get(), TLS1_2_VERSION);
            tls_pair pair{std::move(ssl), server->new_session()};
            REQUIRE(pair.shake_hands());
            return pair.resumed();
        };
        CHECK_FALSE(connect_old());
        CHECK(connect_old());
        CHECK(connect_old());
        const auto one = old->new_session("a.test", &sessions);
        const auto two = old->new_session("a.test", &sessions);
        CHECK(SSL_get_session(one.get()) != nullptr);
        CHECK(SSL_get_session(two.get()) != nullptr);
    }
    SECTION("several are kept, but not without a bound") {
        std::vector<ssl_ptr> waiting;
        for (int i = 0; i < 6; ++i) waiting.push_back(client->new_session("a.test", &sessions));
        for (auto& one : waiting) {
            tls_pair pair{std::move(one), server->new_session()};
            REQUIRE(pair.shake_hands());
        }
        std::size_t kept = 0;
        while (SSL_get_session(client->new_session("a.test", &sessions).get()) != nullptr) ++kept;
        CHECK(kept == session_store::places);
    }
    SECTION("not by another context, which may trust others") {
        CHECK_FALSE(resumed(*client, *server));
        const auto reloaded = client_with({.ca = ca.file()});
        CHECK_FALSE(resumed(*reloaded, *server));
        CHECK(resumed(*reloaded, *server));
    }
    SECTION("a server that has forgotten is no failure") {
        CHECK_FALSE(resumed(*client, *server));
        const auto restarted = server_with({.certificates = {files}});
        CHECK_FALSE(resumed(*client, *restarted));
        CHECK(resumed(*client, *restarted));
    }
}

TEST_CASE("client context: every error is told at once", "[tls]") {
    test_ca ca;
    const auto files = ca.issue();
    const auto made = client_context::load({.ca = ca.path("none.pem"),
                                            .certificate = {files.certificate, files.certificate, ""},
                                            .ciphers = "FOO",
                                            .curves = "P-1"},
                                           now());
    REQUIRE_FALSE(made);
    CHECK(made.error() == std::vector<std::string>{
                              "ciphers 'FOO': OpenSSL does not know 'FOO'",
                              "curves 'P-1': OpenSSL does not know 'P-1'",
                              ca.path("none.pem") + ": cannot read it: no such file or directory",
                              files.certificate + ": no private key in it; expected PEM, '-----BEGIN PRIVATE KEY-----'",
                          });
    CHECK(ERR_peek_error() == 0);
}
