#include "lib/tls/ticket_keys.hpp"

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

/// Keeps the newest ticket it is given, and brings it along next time.
struct returning_client {
    explicit returning_client(int max_version) : context{SSL_CTX_new(TLS_client_method())} {
        SSL_CTX_set_max_proto_version(context.get(), max_version);
        SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
        SSL_CTX_set_app_data(context.get(), this);
        SSL_CTX_sess_set_new_cb(context.get(), [](SSL* ssl, SSL_SESSION* session) {
            auto* self = static_cast<returning_client*>(SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl)));
            self->ticket.reset(session);
            ++self->tickets_received;
            return 1;
        });
    }
    /// Whether the server knew it again.
    bool visit(const server_context& server) {
        ssl_ptr ssl{SSL_new(context.get())};
        SSL_set_connect_state(ssl.get());
        if (own) {
            SSL_use_certificate_file(ssl.get(), own->certificate.c_str(), SSL_FILETYPE_PEM);
            SSL_use_PrivateKey_file(ssl.get(), own->key.c_str(), SSL_FILETYPE_PEM);
        }
        if (ticket) SSL_set_session(ssl.get(), ticket.get());
        tickets_received = 0;
        tls_pair pair{std::move(ssl), server.new_session()};
        REQUIRE(pair.shake_hands());
        // A ticket of TLS 1.2 that was replaced on resumption OpenSSL's client keeps to itself.
        const SSL_SESSION* session = SSL_get0_session(pair.client());
        if (SSL_version(pair.client()) == TLS1_2_VERSION && session != ticket.get() &&
            SSL_SESSION_has_ticket(session)) {
            ticket.reset(SSL_get1_session(pair.client()));
            ++tickets_received;
        }
        verdict = verdict_on_client(pair.server()).text();
        if (const auto facts = peer_certificate(pair.server())) verdict += " " + facts->subject;
        return pair.resumed();
    }
    ssl_ctx_ptr context;
    std::optional<certificate_files> own;
    ssl_session_ptr ticket;
    int tickets_received = 0;
    std::string verdict;
};

}  // namespace

TEST_CASE("ticket keys: a client is known again wherever they are shared, until they are gone", "[tls]") {
    test_ca ca;
    const server_settings settings{.certificates = {ca.issue()}};
    const auto keys = std::make_shared<ticket_keys>(1h, now());
    const auto first = *server_context::load(settings, keys, now());
    const auto second = *server_context::load(settings, keys, now());
    const auto stranger = *server_context::load(settings, std::make_shared<ticket_keys>(1h, now()), now());

    for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
        returning_client client{version};
        const auto start = keys->next_rotation();
        CHECK_FALSE(client.visit(*first));
        CHECK(client.tickets_received == 1);
        CHECK(client.visit(*second));
        CHECK(client.tickets_received == (version == TLS1_3_VERSION ? 1 : 0));  // one of 1.3 is for one use

        keys->rotate(start - 1s);
        CHECK(keys->next_rotation() == start);
        keys->rotate(start);
        CHECK(keys->next_rotation() == start + 1h);
        CHECK(client.visit(*first));
        CHECK(client.tickets_received == 1);  // sealed anew with the current key
        keys->rotate(start + 1h);
        CHECK(client.visit(*first));  // thanks to that

        keys->rotate(start + 2h);
        keys->rotate(start + 3h);
        CHECK_FALSE(client.visit(*first));
        CHECK(client.visit(*first));
        CHECK_FALSE(client.visit(*stranger));
    }
}

TEST_CASE("ticket keys: after a long pause both are new", "[tls]") {
    test_ca ca;
    const auto begin = now();
    const auto keys = std::make_shared<ticket_keys>(1h, begin);
    const auto server = *server_context::load({.certificates = {ca.issue()}}, keys, now());
    returning_client client{TLS1_3_VERSION};
    client.visit(*server);
    keys->rotate(begin + 2h - 1s);
    CHECK(client.visit(*server));
    keys->rotate(begin + 10h);
    CHECK_FALSE(client.visit(*server));
}

TEST_CASE("ticket keys: off means no tickets", "[tls]") {
    test_ca ca;
    const auto server = *server_context::load({.certificates = {ca.issue()}, .tickets = false}, nullptr, now());
    for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
        returning_client client{version};
        CHECK_FALSE(client.visit(*server));
        CHECK_FALSE(client.visit(*server));
        CHECK(client.tickets_received == 0);
    }
}

TEST_CASE("ticket keys: a ticket keeps the verdict on its owner, and counts only where the same clients are known",
          "[tls]") {
    test_ca ca, others{"others"};
    const auto keys = std::make_shared<ticket_keys>(1h, now());
    const auto files = ca.issue();
    const auto server_for = [&](client_auth clients, const std::string& authorities) {
        return *server_context::load({.certificates = {files}, .clients = clients, .client_ca = authorities}, keys,
                                     now());
    };
    const auto open = server_for(client_auth::off, "");
    const auto asking = server_for(client_auth::optional, ca.file());
    const auto reloaded = server_for(client_auth::optional, ca.file());
    const auto strict = server_for(client_auth::required, ca.file());
    const auto elsewhere = server_for(client_auth::optional, others.file());

    for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
        returning_client known{version};
        known.own = ca.issue({.names = {"client"}});
        CHECK_FALSE(known.visit(*asking));
        CHECK(known.visit(*reloaded));
        CHECK(known.verdict == "ok CN=client");
        CHECK_FALSE(known.visit(*strict));
        CHECK_FALSE(known.visit(*elsewhere));
        CHECK(known.verdict.starts_with("failed:"));
        CHECK(known.visit(*elsewhere));
        CHECK(known.verdict.starts_with("failed:"));

        returning_client nobody{version};
        CHECK_FALSE(nobody.visit(*open));
        CHECK_FALSE(nobody.visit(*asking));
        CHECK(nobody.verdict == "none");
    }
}
