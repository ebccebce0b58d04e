#include "lib/async/virtual_loop.hpp"
#include "lib/tls/server_context.hpp"
#include "lib/tls/session.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/certificates.hpp"
#include "tests/support/memory_client.hpp"

using namespace weir;
using namespace weir::testing;
using namespace std::string_literals;

// What happens where a server's session lets go of its SSL, and what it then still knows.

namespace {

tls::wall_time now() { return std::chrono::system_clock::now(); }

struct world {
    static world& shared() {
        static world made;
        return made;
    }
    test_ca ca;
    tls::certificate_files files = ca.issue();
    std::shared_ptr<tls::ticket_keys> keys = std::make_shared<tls::ticket_keys>(std::chrono::hours{1}, now());
};

tls::server_settings settings() {
    tls::server_settings made;
    made.certificates = {world::shared().files};
    return made;
}
std::shared_ptr<const tls::server_context> load(const tls::server_settings& of = settings()) {
    return tls::server_context::load(of, world::shared().keys, now()).value();
}

/// Keeps what tickets it gets.
struct client_context {
    tls::ssl_ctx_ptr context{SSL_CTX_new(TLS_client_method())};
    std::vector<tls::ssl_session_ptr> tickets;

    client_context() {
        SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
        SSL_CTX_set_app_data(context.get(), this);
        SSL_CTX_sess_set_new_cb(context.get(), [](SSL* ssl, SSL_SESSION* session) {
            static_cast<client_context*>(SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl)))->tickets.emplace_back(session);
            return 1;
        });
    }
    void bring(const tls::certificate_files& files) {
        REQUIRE(SSL_CTX_use_certificate_chain_file(context.get(), files.certificate.c_str()) == 1);
        REQUIRE(SSL_CTX_use_PrivateKey_file(context.get(), files.key.c_str(), SSL_FILETYPE_PEM) == 1);
    }
};

class connection {
public:
    connection(client_context& from, tls::ssl_ptr ssl, bool with_peer = false)
        : client{from.context.get()}, server{std::move(ssl), time_, how(with_peer)} {}

    /// `behind`: what the client sends in one go with its Finished, said of what it would send.
    bool shake_hands(std::string (*behind)(memory_client&) = nullptr) {
        std::string wire = client.begin();
        for (int i = 0; i < 4; ++i) {
            if (client.established() && behind) wire += behind(client);
            server.keep(wire);
            std::string answer;
            const auto step = server.shake_hands(answer);
            if (step == tls::session::step::failed) return false;
            if (step == tls::session::step::done) {
                heard_at_once = client.reads(answer);
                return true;
            }
            wire = client.hears(answer);
        }
        return false;
    }
    std::string server_reads(std::string_view wire = {}, std::size_t space = 5000) {
        std::string text(space, '\0'), all;
        while (const auto got = server.open(wire, text)) all.append(text, 0, got);
        server.keep(wire);
        return all;
    }
    std::string server_seals(std::string_view text) {
        std::string wire;
        return server.seal(text, {}, wire) ? wire : "(it cannot)";
    }
    /// Both ways.
    bool talk() {
        const std::string question(20'000, 'q'), answer(100'000, 'a');
        for (int i = 0; i < 2; ++i)
            if (server_reads(client.writes(question)) != question || client.reads(server_seals(answer)) != answer)
                return false;
        return true;
    }
    bool has_let_go() const { return server.ssl() == nullptr; }

private:
    static tls::session_options how(bool with_peer) {
        tls::session_options made;
        made.tells_peer = with_peer;
        return made;
    }
    virtual_loop time_;

public:
    memory_client client;
    tls::session server;
    std::string heard_at_once;
};

}  // namespace

TEST_CASE("session switch: as many tickets as there may be, in first and in resumed handshakes", "[tls]") {
    const auto context = load();
    for (const std::size_t count : {0, 1, 2, 5}) {
        client_context from;
        const auto session = [&] {
            auto ssl = context->new_session();
            SSL_set_num_tickets(ssl.get(), count);
            return ssl;
        };
        connection first{from, session()};
        REQUIRE(first.shake_hands());
        CHECK(first.has_let_go());
        CHECK(first.talk());
        CHECK_FALSE(first.server.facts().resumed);
        CHECK(from.tickets.size() == count);
        if (count == 0) continue;

        connection again{from, session()};
        SSL_set_session(again.client.ssl(), from.tickets.front().get());
        REQUIRE(again.shake_hands());
        CHECK(again.has_let_go());
        CHECK(again.talk());
        CHECK(again.server.facts().resumed);
        CHECK(from.tickets.size() == count + 1);
    }
}

TEST_CASE("session switch: with every suite, and after a second ClientHello", "[tls]") {
    for (const auto* suite : {"TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"}) {
        auto of = settings();
        of.ciphersuites = suite;
        of.curves = "P-384";
        client_context from;
        SSL_CTX_set1_groups_list(from.context.get(), "X25519:P-384");
        connection both{from, load(of)->new_session()};
        REQUIRE(both.shake_hands());
        CHECK(both.has_let_go());
        CHECK(both.server.facts().cipher == std::string{suite});
        CHECK(both.talk());
    }
}

TEST_CASE("session switch: what comes in one go with the client's Finished", "[tls]") {
    const auto context = load();
    client_context from;
    connection both{from, context->new_session()};
    SECTION("a request; the tickets go with its answer") {
        REQUIRE(both.shake_hands([](memory_client& client) { return client.writes(std::string(7000, 'q')); }));
        CHECK(both.heard_at_once.empty());
        CHECK(from.tickets.empty());
        REQUIRE(both.server.has_more());
        CHECK(both.server_reads() == std::string(7000, 'q'));
        CHECK_FALSE(both.server.has_more());
        CHECK(both.client.reads(both.server_seals("answer")) == "answer");
        CHECK(from.tickets.size() == 1);
        CHECK(both.talk());
    }
    SECTION("a request and new keys and the end") {
        REQUIRE(both.shake_hands([](memory_client& client) {
            auto wire = client.writes("one");
            wire += client.updates_keys(SSL_KEY_UPDATE_REQUESTED);
            wire += client.writes("two");
            return wire + client.ends();
        }));
        CHECK(both.server_reads({}, 2) == "onetwo");
        CHECK(both.server.incoming() == stream_layer::state::ended);
        CHECK(both.client.reads(both.server_seals("answer")) == "answer");
        CHECK(from.tickets.size() == 1);
    }
    SECTION("part of a record") {
        REQUIRE(both.shake_hands([](memory_client& client) { return client.writes("request").substr(0, 9); }));
        CHECK(both.server_reads().empty());
        CHECK_FALSE(both.server.has_more());
    }
    SECTION("a change_cipher_spec, which had its time before") {
        REQUIRE(both.shake_hands([](memory_client&) { return "\x14\x03\x03\x00\x01\x01"s; }));
        CHECK(both.server_reads().empty());
        CHECK(both.server.incoming() == stream_layer::state::broken);
        std::string last;
        both.server.append_own(last);
        CHECK(both.client.reads(last) == "(the peer sent alert unexpected_message)");
        CHECK(both.server_seals("more") == "(it cannot)");
    }
    CHECK(both.has_let_go());
}

TEST_CASE("session switch: what is known of the handshake stays known", "[tls]") {
    auto of = settings();
    of.clients = tls::client_auth::optional;
    of.client_ca = world::shared().ca.file();
    const auto context = load(of);
    client_context from;
    const bool described = GENERATE(true, false);
    SECTION("a client with a certificate") {
        from.bring(world::shared().ca.issue({.names = {"alice"}}));
        connection both{from, context->new_session(), described};
        SSL_set_tlsext_host_name(both.client.ssl(), "A.test");
        REQUIRE(both.shake_hands());
        CHECK(both.has_let_go());
        const auto& facts = both.server.facts();
        CHECK(facts.version == "TLSv1.3"s);
        CHECK(facts.cipher == "TLS_AES_128_GCM_SHA256"s);
        CHECK(facts.server_name == "A.test");
        CHECK(facts.verdict.text() == "ok");
        REQUIRE((facts.peer != nullptr) == described);
        if (described) CHECK(facts.peer->subject == "CN=alice");
        CHECK(both.talk());

        REQUIRE(from.tickets.size() == 1);
        connection again{from, context->new_session(), described};
        SSL_set_session(again.client.ssl(), from.tickets.front().get());
        REQUIRE(again.shake_hands());
        CHECK(again.server.facts().resumed);
        CHECK(again.server.facts().verdict.text() == "ok");
        if (described) CHECK(again.server.facts().peer->subject == "CN=alice");
        CHECK(again.talk());
    }
    SECTION("one whose certificate is not trusted") {
        test_ca other{"another CA"};
        from.bring(other.issue());
        connection both{from, context->new_session(), described};
        REQUIRE(both.shake_hands());
        CHECK(both.server.facts().verdict.text().starts_with("failed:unable to"));
        CHECK(both.talk());
    }
    SECTION("one without") {
        connection both{from, context->new_session(), described};
        REQUIRE(both.shake_hands());
        CHECK(both.server.facts().verdict.text() == "none");
        CHECK(both.server.facts().peer == nullptr);
        CHECK(both.server.facts().server_name.empty());
    }
}

TEST_CASE("session switch: a session that has let go does not hold its context", "[tls]") {
    auto context = load();
    const std::weak_ptr watched{context};
    client_context from;
    connection both{from, context->new_session()};
    context.reset();
    CHECK_FALSE(watched.expired());
    REQUIRE(both.shake_hands());
    CHECK(watched.expired());
    CHECK(both.talk());
}

TEST_CASE("session switch: where the records are of another kind, the SSL stays", "[tls]") {
    client_context from;
    auto of = settings();
    SECTION("TLS 1.2") { SSL_CTX_set_max_proto_version(from.context.get(), TLS1_2_VERSION); }
    SECTION("a suite with CCM") {
        of.ciphersuites = "TLS_AES_128_CCM_SHA256";
        SSL_CTX_set_ciphersuites(from.context.get(), of.ciphersuites.c_str());
    }
    SECTION("a client that can only take small ones") {
        SSL_CTX_set_tlsext_max_fragment_length(from.context.get(), TLSEXT_max_fragment_length_512);
    }
    const auto context = load(of);
    connection both{from, context->new_session()};
    REQUIRE(both.shake_hands());
    CHECK_FALSE(both.has_let_go());
    CHECK(both.server.facts().version == std::string{SSL_get_version(both.server.ssl())});
    CHECK(both.talk());
    CHECK(both.server_reads(both.client.ends()).empty());
    CHECK(both.server.incoming() == stream_layer::state::ended);
    std::string end;
    both.server.seal_end(end);
    CHECK(both.client.reads(end) == "(end)");
}
