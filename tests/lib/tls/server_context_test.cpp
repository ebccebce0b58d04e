#include "lib/tls/server_context.hpp"

#include <openssl/err.h>

#include "lib/tls/session_facts.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/certificates.hpp"
#include "tests/support/tls_pair.hpp"

using namespace weir::tls;
using namespace weir::testing;
using namespace std::chrono_literals;

namespace {

wall_time now() { return std::chrono::system_clock::now(); }

std::shared_ptr<const server_context> load(const server_settings& settings) {
    auto made = server_context::load(settings, std::make_shared<ticket_keys>(12h, now()), now());
    if (!made) {
        std::string all;
        for (const auto& line : made.error()) all += line + "\n";
        FAIL(all);
    }
    return *made;
}

std::vector<std::string> errors_of(const server_settings& settings) {
    auto made = server_context::load(settings, std::make_shared<ticket_keys>(12h, now()), now());
    return made ? std::vector<std::string>{} : made.error();
}

/// A client of OpenSSL's defaults, that trusts everybody.
struct plain_client {
    plain_client() { SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_CLIENT); }
    ssl_ptr ask(const char* name = nullptr) const {
        ssl_ptr ssl{SSL_new(context.get())};
        SSL_set_connect_state(ssl.get());
        if (name) SSL_set_tlsext_host_name(ssl.get(), name);
        return ssl;
    }
    ssl_ctx_ptr context{SSL_CTX_new(TLS_client_method())};
};

std::string subject_seen(const tls_pair& pair) {
    const auto facts = peer_certificate(pair.client());
    return facts ? facts->subject : "none";
}

/// Whom the server shows to a client that asks for `name`.
std::string shown(const server_context& server, const char* name) {
    plain_client client;
    tls_pair pair{client.ask(name), server.new_session()};
    const bool done = pair.shake_hands();
    // When the ClientHello was read first, the answer is the same.
    client_hello hello;
    if (name) hello.server_name = name;
    tls_pair informed{client.ask(name), server.new_session(hello)};
    CHECK(informed.shake_hands() == done);
    if (!done) return pair.why_client;
    CHECK(subject_seen(informed) == subject_seen(pair));
    CHECK(server.likely_certificate(hello).subject == subject_seen(pair));
    return subject_seen(pair);
}

std::string sigalgs_shown(const server_context& server, const char* sigalgs, int version) {
    plain_client client;
    SSL_CTX_set1_sigalgs_list(client.context.get(), sigalgs);
    SSL_CTX_set_max_proto_version(client.context.get(), version);
    tls_pair pair{client.ask("a.test"), server.new_session()};
    return pair.shake_hands() ? subject_seen(pair) : pair.why_client;
}

}  // namespace

TEST_CASE("server context: the certificate is chosen by name", "[tls]") {
    test_ca ca;
    server_settings settings;
    settings.certificates = {ca.issue({.names = {"first.test"}}), ca.issue({.names = {"a.b.test"}}),
                             ca.issue({.names = {"*.b.test", "c.test"}, .common_name = "wild"})};
    const auto server = load(settings);
    REQUIRE(server->certificates().size() == 3);
    CHECK(server->warnings().empty());

    CHECK(shown(*server, "first.test") == "CN=first.test");
    CHECK(shown(*server, "a.b.test") == "CN=a.b.test");
    CHECK(shown(*server, "x.b.test") == "CN=wild");
    CHECK(shown(*server, "c.test") == "CN=wild");
    CHECK(shown(*server, "b.test") == "CN=first.test");
    CHECK(shown(*server, "x.y.b.test") == "CN=first.test");  // a wildcard is one label
    CHECK(shown(*server, "unknown.test") == "CN=first.test");
    CHECK(shown(*server, nullptr) == "CN=first.test");

    // The parser makes names lower case; OpenSSL hands them on as the client wrote them.
    plain_client client;
    tls_pair pair{client.ask("X.B.Test"), server->new_session()};
    REQUIRE(pair.shake_hands());
    CHECK(subject_seen(pair) == "CN=wild");
}

TEST_CASE("server context: unknown names may be refused", "[tls]") {
    test_ca ca;
    server_settings settings;
    settings.certificates = {ca.issue({.names = {"a.test"}})};
    settings.refuse_unknown_names = true;
    const auto server = load(settings);
    CHECK(shown(*server, "a.test") == "CN=a.test");
    CHECK(shown(*server, nullptr) == "CN=a.test");
    CHECK(shown(*server, "b.test") == "the peer sent alert unrecognized_name");
}

TEST_CASE("server context: ECDSA and RSA side by side", "[tls]") {
    test_ca ca;
    server_settings settings;
    settings.certificates = {ca.issue({.names = {"a.test"}, .key = key_kind::rsa, .common_name = "rsa"}),
                             ca.issue({.names = {"a.test", "only-ec.test"}, .common_name = "ecdsa"})};
    const auto server = load(settings);
    for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
        CHECK(sigalgs_shown(*server, "RSA-PSS+SHA256:ECDSA+SHA256", version) == "CN=ecdsa");
        CHECK(sigalgs_shown(*server, "ECDSA+SHA256", version) == "CN=ecdsa");
        CHECK(sigalgs_shown(*server, "RSA-PSS+SHA256:RSA+SHA256", version) == "CN=rsa");
    }
    CHECK(shown(*server, "only-ec.test") == "CN=ecdsa");

    client_hello hello{.server_name = "a.test", .offers_ecdsa = true};
    CHECK(server->likely_certificate(hello).subject == "CN=ecdsa");
    hello.offers_ecdsa = false;
    CHECK(server->likely_certificate(hello).subject == "CN=rsa");
    hello.server_name = "elsewhere.test";
    CHECK(server->likely_certificate(hello).subject == "CN=rsa");
}

TEST_CASE("server context: every error is told at once", "[tls]") {
    test_ca ca;
    const auto good = ca.issue();
    const auto expired = ca.issue({.valid_since = -48h, .valid_for = -24h});
    server_settings settings;
    settings.certificates = {good, expired, {ca.path("none.pem"), good.key, ""}};
    settings.ciphers = "ECDHE-RSA-AES128-GCM-SHA256:FOO";
    settings.ciphersuites = "TLS_AES_128_GCM_SHA256:TLS_BAR";
    settings.curves = "X25519:P-255";
    settings.alpn = {"http/1.1", ""};
    settings.clients = client_auth::required;
    settings.client_ca = ca.path("no-ca.pem");
    CHECK(errors_of(settings) == std::vector<std::string>{
                                     "alpn: a name has 1 to 255 bytes, not 0",
                                     expired.certificate + ": expired on " + day_of(now() - 24h),
                                     ca.path("none.pem") + ": cannot read it: no such file or directory",
                                     ca.path("no-ca.pem") + ": cannot read it: no such file or directory",
                                     "ciphers 'ECDHE-RSA-AES128-GCM-SHA256:FOO': OpenSSL does not know 'FOO'",
                                     "ciphersuites 'TLS_AES_128_GCM_SHA256:TLS_BAR': OpenSSL does not know 'TLS_BAR'",
                                     "curves 'X25519:P-255': OpenSSL does not know 'P-255'",
                                 });
    CHECK(ERR_peek_error() == 0);
    CHECK(errors_of({}) == std::vector<std::string>{"certificate: at least one is needed"});

    const auto weak = ca.issue({.key = key_kind::rsa, .rsa_bits = 1024});
    CHECK(errors_of({.certificates = {weak}}) ==
          std::vector<std::string>{weak.certificate + ": OpenSSL refuses it: ee key too small"});
}

TEST_CASE("server context: warnings of all certificates", "[tls]") {
    test_ca ca;
    const auto ending = ca.issue({.valid_for = 24h});
    const auto server = load({.certificates = {ca.issue({.names = {"b.test"}}), ending}});
    CHECK(server->warnings() == std::vector<std::string>{ending.certificate + ": expires on " + day_of(now() + 24h)});
}

TEST_CASE("server context: a handshake goes on when the context has been replaced meanwhile", "[tls]") {
    test_ca ca;
    auto server = load({.certificates = {ca.issue({.names = {"a.test"}}), ca.issue({.names = {"b.test"}})}});
    const std::weak_ptr<const server_context> old = server;
    plain_client client;
    {
        tls_pair pair{client.ask("b.test"), server->new_session()};
        server.reset();
        REQUIRE(pair.shake_hands());
        CHECK(subject_seen(pair) == "CN=b.test");
        CHECK_FALSE(old.expired());
    }
    CHECK(old.expired());
}

TEST_CASE("server context: the whole chain is sent", "[tls]") {
    test_ca root{"root"};
    test_ca middle{root, "middle"};
    const auto server = load({.certificates = {middle.issue()}});
    plain_client client;
    SSL_CTX_load_verify_file(client.context.get(), root.file().c_str());
    SSL_CTX_set_verify(client.context.get(), SSL_VERIFY_PEER, nullptr);
    tls_pair pair{client.ask("a.test"), server->new_session()};
    CHECK(pair.shake_hands());
    CHECK(sk_X509_num(SSL_get_peer_cert_chain(pair.client())) == 2);
}

TEST_CASE("server context: ALPN", "[tls]") {
    test_ca ca;
    const auto files = ca.issue();
    const auto agreed = [](const server_context& server, std::string_view offered) {
        plain_client client;
        SSL_CTX_set_alpn_protos(client.context.get(), reinterpret_cast<const unsigned char*>(offered.data()),
                                static_cast<unsigned>(offered.size()));
        tls_pair pair{client.ask(), server.new_session()};
        return pair.shake_hands() ? pair.alpn() : pair.why_client;
    };
    const auto server = load({.certificates = {files}, .alpn = {"http/1.1", "http/1.0"}});
    CHECK(agreed(*server, "\x02h2\x08http/1.0\x08http/1.1") == "http/1.1");  // the server's order
    CHECK(agreed(*server, "\x02h2\x08http/1.0") == "http/1.0");
    CHECK(agreed(*server, "") == "");
    CHECK(agreed(*server, "\x02h2") == "the peer sent alert no_application_protocol");
    const auto silent = load({.certificates = {files}});
    CHECK(agreed(*silent, "\x02h2\x08http/1.1") == "");
}

TEST_CASE("server context: the OCSP response goes to those who ask, with its certificate", "[tls]") {
    test_ca ca;
    auto stapled = ca.issue({.names = {"a.test"}});
    stapled.ocsp = ca.staple_for(stapled.certificate);
    const auto server = load({.certificates = {stapled, ca.issue({.names = {"b.test"}})}});
    const auto received = [&](const char* name, int version, bool asks = true) {
        plain_client client;
        SSL_CTX_set_max_proto_version(client.context.get(), version);
        if (asks) SSL_CTX_set_tlsext_status_type(client.context.get(), TLSEXT_STATUSTYPE_ocsp);
        tls_pair pair{client.ask(name), server->new_session()};
        REQUIRE(pair.shake_hands());
        const unsigned char* response = nullptr;
        const long size = SSL_get_tlsext_status_ocsp_resp(pair.client(), &response);
        return size < 0 ? std::string{}
                        : std::string{reinterpret_cast<const char*>(response), static_cast<std::size_t>(size)};
    };
    for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
        CHECK(received("a.test", version) == file_text(stapled.ocsp));
        CHECK(received("b.test", version).empty());
        CHECK(received("a.test", version, false).empty());
    }
}

TEST_CASE("server context: an OCSP response that runs out meanwhile is no longer handed out", "[tls]") {
    test_ca ca;
    auto files = ca.issue({.valid_since = -3h});
    files.ocsp = ca.staple_for(files.certificate, -1h);
    const auto made = server_context::load({.certificates = {files}, .tickets = false}, nullptr, now() - 2h);
    REQUIRE(made);
    plain_client client;
    SSL_CTX_set_tlsext_status_type(client.context.get(), TLSEXT_STATUSTYPE_ocsp);
    tls_pair pair{client.ask(), (*made)->new_session()};
    REQUIRE(pair.shake_hands());
    const unsigned char* response = nullptr;
    CHECK(SSL_get_tlsext_status_ocsp_resp(pair.client(), &response) <= 0);
}

TEST_CASE("server context: clients may show a certificate, or must", "[tls]") {
    test_ca ca, others{"others"};
    const auto files = ca.issue();
    const auto attempt = [&](client_auth wanted, const std::optional<certificate_files>& own, int version) {
        const auto server = load({.certificates = {files}, .clients = wanted, .client_ca = ca.file()});
        plain_client client;
        SSL_CTX_set_max_proto_version(client.context.get(), version);
        if (own) {
            SSL_CTX_use_certificate_file(client.context.get(), own->certificate.c_str(), SSL_FILETYPE_PEM);
            SSL_CTX_use_PrivateKey_file(client.context.get(), own->key.c_str(), SSL_FILETYPE_PEM);
        }
        tls_pair pair{client.ask(), server->new_session()};
        if (!pair.shake_hands()) return "refused: " + pair.why_server;
        const auto facts = peer_certificate(pair.server());
        return verdict_on_client(pair.server()).text() + (facts ? " " + facts->subject : "");
    };
    const auto known = ca.issue({.names = {"client"}});
    const auto expired = ca.issue({.names = {"late"}, .valid_since = -48h, .valid_for = -24h});
    const auto unknown = others.issue({.names = {"stranger"}});
    for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
        CHECK(attempt(client_auth::off, known, version) == "none");
        CHECK(attempt(client_auth::optional, std::nullopt, version) == "none");
        CHECK(attempt(client_auth::optional, known, version) == "ok CN=client");
        CHECK(attempt(client_auth::optional, expired, version) == "failed:certificate has expired CN=late");
        CHECK(attempt(client_auth::optional, unknown, version).starts_with("failed:unable to"));
        CHECK(attempt(client_auth::required, known, version) == "ok CN=client");
        CHECK(attempt(client_auth::required, std::nullopt, version) == "refused: peer did not return a certificate");
        CHECK(attempt(client_auth::required, expired, version) ==
              "refused: certificate refused: certificate has expired");
        CHECK(attempt(client_auth::required, unknown, version).starts_with("refused: certificate refused: unable to"));
    }
}

TEST_CASE("server context: versions, renegotiation, early data", "[tls]") {
    test_ca ca;
    const auto files = ca.issue();
    const auto server = load({.certificates = {files}});
    plain_client client;

    SECTION("nothing below 1.2, or 1.3") {
        SSL_CTX_set_security_level(client.context.get(), 0);
        SSL_CTX_set_min_proto_version(client.context.get(), TLS1_VERSION);
        SSL_CTX_set_max_proto_version(client.context.get(), TLS1_1_VERSION);
        tls_pair old{client.ask(), server->new_session()};
        CHECK_FALSE(old.shake_hands());
        CHECK(old.why_server == "unsupported protocol");

        const auto strict = load({.certificates = {files}, .min_version = version::tls13});
        SSL_CTX_set_max_proto_version(client.context.get(), TLS1_2_VERSION);
        tls_pair middling{client.ask(), strict->new_session()};
        CHECK_FALSE(middling.shake_hands());
        tls_pair fine{client.ask(), server->new_session()};
        CHECK(fine.shake_hands());
        CHECK(SSL_get_mode(fine.server()) & SSL_MODE_RELEASE_BUFFERS);
    }
    SECTION("a client of TLS 1.2 cannot renegotiate") {
        SSL_CTX_set_max_proto_version(client.context.get(), TLS1_2_VERSION);
        tls_pair pair{client.ask(), server->new_session()};
        REQUIRE(pair.shake_hands());
        CHECK(SSL_renegotiate(pair.client()) == 1);
        CHECK(SSL_do_handshake(pair.client()) <= 0);
        CHECK(pair.server_reads().empty());
        CHECK(SSL_do_handshake(pair.client()) <= 0);
        ERR_clear_error();
        CHECK(SSL_num_renegotiations(pair.server()) == 0);
    }
    SECTION("tickets allow no early data") {
        tls_pair pair{client.ask(), server->new_session()};
        REQUIRE(pair.shake_hands());
        CHECK(SSL_SESSION_is_resumable(SSL_get0_session(pair.client())) == 1);
        CHECK(SSL_SESSION_get_max_early_data(SSL_get0_session(pair.client())) == 0);
    }
    SECTION("AES-128 comes first, but who wants ChaCha20 gets it") {
        tls_pair pair{client.ask(), server->new_session()};
        REQUIRE(pair.shake_hands());
        CHECK(SSL_get_cipher(pair.client()) == std::string{"TLS_AES_128_GCM_SHA256"});
        SSL_CTX_set_ciphersuites(client.context.get(), "TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_GCM_SHA256");
        tls_pair small{client.ask(), server->new_session()};
        REQUIRE(small.shake_hands());
        CHECK(SSL_get_cipher(small.client()) == std::string{"TLS_CHACHA20_POLY1305_SHA256"});
    }
}
