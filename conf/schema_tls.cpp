#include "conf/schema_fields.hpp"

namespace weir::conf {
namespace {

const making certificates = {
    .add = [](target t) { return t.certificate = &t.server_tls->certificates.emplace_back(), t; },
    .count = [](target t) { return t.server_tls->certificates.size(); },
    .at = [](target t, std::size_t i) { return t.certificate = &t.server_tls->certificates[i], t; },
};

constexpr auto asks_clients = [](target t) { return t.server_tls->clients != client_auth::off; };
constexpr auto has_certificate = [](target t) { return !t.client_tls->certificate.path.empty(); };

}  // namespace

// An entry of the table is read as a whole; one member to a line would take it apart.
// clang-format off
namespace {

std::vector<directive> algorithms_in(scope where) {
    return {
        {.name = "min_version", .where = where, .why = "the oldest TLS that is spoken; the newest is 1.3",
         .plain = {{.name = "VERSION", .what = kind::choice, .in = CHOICE(algorithms->min_version), .fallback = "1.2",
                    .words = {"1.2", "1.3"}}}},
        {.name = "ciphers", .where = where,
         .why = "of TLS 1.2, the preferred first; default: ECDHE-ECDSA-AES128-GCM-SHA256 ECDHE-RSA-AES128-GCM-SHA256 "
                "ECDHE-ECDSA-AES256-GCM-SHA384 ECDHE-RSA-AES256-GCM-SHA384 ECDHE-ECDSA-CHACHA20-POLY1305 "
                "ECDHE-RSA-CHACHA20-POLY1305",
         .plain = {{.name = "LIST",
                    SHAPED(read_colon_list(text), t.algorithms->ciphers = *value, t.algorithms->ciphers),
                    .takes = "a list of OpenSSL's names with ':' between"}}},
        {.name = "ciphersuites", .where = where,
         .why = "of TLS 1.3; default: TLS_AES_128_GCM_SHA256 TLS_AES_256_GCM_SHA384 TLS_CHACHA20_POLY1305_SHA256",
         .plain = {{.name = "LIST",
                    SHAPED(read_colon_list(text), t.algorithms->ciphersuites = *value, t.algorithms->ciphersuites),
                    .takes = "a list of OpenSSL's names with ':' between"}}},
        {.name = "curves", .where = where, .why = "groups of the key exchange, the preferred first",
         .plain = {{.name = "LIST", SHAPED(read_colon_list(text), t.algorithms->curves = *value, t.algorithms->curves),
                    .fallback = tls::default_curves, .takes = "a list of OpenSSL's names with ':' between"}}},
    };
}

void append(std::vector<directive>& to, std::vector<directive> more) {
    for (auto& each : more) to.push_back(std::move(each));
}

}  // namespace

std::vector<directive> schema_of_listen_tls() {
    std::vector<directive> all{
        {.name = "certificate", .where = scope::listen_tls,
         .why = "ours, in PEM, with those between it and the root behind it; may repeat: chosen by the name that the client "
                "asks for, and for one name by the kind of key (ECDSA and RSA side by side)",
         .plain = {{.name = "FILE", .what = kind::file, .in = FIELD(certificate->certificate)}},
         .keyed = {{.name = "key", .what = kind::file, .in = FIELD(certificate->key),
                    .fallback_words = "the same file", .why = "in PEM, without a passphrase"},
                   {.name = "ocsp", .what = kind::file, .in = FIELD(certificate->ocsp), .fallback_words = "none",
                    .why = "an OCSP response in DER, stapled to the handshake",
                    .shown = [](target t) { return !t.certificate->ocsp.path.empty(); }}},
         .makes = certificates},
        {.name = "unknown_name", .where = scope::listen_tls,
         .why = "a client that asks for a name that no certificate has; default: it gets the first certificate",
         .plain = {{.name = "default|refuse", .what = kind::choice, .in = FIELD(server_tls->refuse_unknown_names),
                    .fallback = "default", .words = {"default", "refuse"}}}},
    };
    append(all, algorithms_in(scope::listen_tls));
    append(all, {
        {.name = "alpn", .where = scope::listen_tls,
         .why = "protocols that the client may choose from, the preferred first; who offers others only is refused",
         .plain = {{.name = "LIST", .what = kind::alpn, .in = FIELD(server_tls->alpn),
                    .fallback_words = "http/1.1, and off with protocol tcp", .none = "off"}}},
        {.name = "client_certificate", .where = scope::listen_tls,
         .why = "ask clients for a certificate; optional: who has none or a wrong one is served too, and "
                "$client_certificate_verdict tells",
         .plain = {{.name = "MODE", .what = kind::choice, .in = CHOICE(server_tls->clients), .fallback = "off",
                    .words = {"off", "optional", "required"}}},
         .keyed = {{.name = "ca", .what = kind::file, .in = FIELD(server_tls->client_ca),
                    .why = "whose certificates clients may have, in PEM; there must be one unless off",
                    .shown = asks_clients}}},
        {.name = "tickets", .where = scope::listen_tls,
         .why = "clients that come back resume their session, which costs a fraction of a handshake",
         .plain = {{.name = "on|off", .what = kind::choice, .in = FIELD(server_tls->tickets), .fallback = "on",
                    .words = on_off}},
         .keyed = {{.name = "lifetime", .what = kind::duration, .in = FIELD(server_tls->ticket_lifetime),
                    .fallback = "12h", .low = minute, .high = 7 * day,
                    .why = "after it tickets get a new key, in memory only; the one before still opens",
                    .shown = [](target t) { return t.server_tls->tickets; }}}},
        {.name = "kernel_tls", .where = scope::listen_tls,
         .why = "let the kernel seal large responses, where it can (Linux with the module tls; TLS 1.3): they are not copied "
                "then. A client that wants new keys after one is cut off: the kernel takes none",
         .plain = {{.name = "on|off", .what = kind::choice, .in = FIELD(server_tls->kernel_tls), .fallback = "on",
                    .words = on_off}},
         .http_only = true},
        {.name = "handshakes", .where = scope::listen_tls,
         .why = "in progress at most, over all workers; one more waits for its turn",
         .plain = {{.name = "N", .what = kind::number, .in = FIELD(server_tls->handshakes), .fallback = "1000",
                    .low = 1, .high = 1'000'000}},
         .keyed = {{.name = "rate", .what = kind::number, .in = FIELD(server_tls->handshake_rate), .fallback = "off",
                    .low = 1, .high = 1'000'000, .none = "off", .why = "new ones per second at most"}}},
    });
    return all;
}

std::vector<directive> schema_of_backend_tls() {
    std::vector<directive> all{
        {.name = "verify", .where = scope::backend_tls,
         .why = "is the server's certificate trusted, in date and of the right name? off: anyone may pose as the server",
         .plain = {{.name = "on|off", .what = kind::choice, .in = FIELD(client_tls->verify), .fallback = "on",
                    .words = on_off}}},
        {.name = "ca", .where = scope::backend_tls, .why = "whose certificates are trusted, in PEM; system: those of the machine",
         .plain = {{.name = "FILE", .what = kind::file, .in = FIELD(client_tls->ca), .fallback = "system",
                    .none = "system"}}},
        {.name = "name", .where = scope::backend_tls, .why = "the name that is asked for (SNI) and checked",
         .plain = {{.name = "HOST", SHAPED(read_tls_name(text), t.client_tls->name = *value, t.client_tls->name),
                    .fallback_words = "the host of each server's address", .takes = "a host name or an IP address",
                    .shown = [](target t) { return !t.client_tls->name.empty(); }}}},
        {.name = "certificate", .where = scope::backend_tls, .why = "ours, in PEM, for servers that ask for one; default: none",
         .plain = {{.name = "FILE", .what = kind::file, .in = FIELD(client_tls->certificate),
                    .shown = has_certificate}},
         .keyed = {{.name = "key", .what = kind::file, .in = FIELD(client_tls->key),
                    .fallback_words = "the same file", .why = "in PEM, without a passphrase",
                    .shown = has_certificate}}},
    };
    append(all, algorithms_in(scope::backend_tls));
    append(all, {
        {.name = "alpn", .where = scope::backend_tls, .why = "protocols that we offer, the preferred first",
         .plain = {{.name = "LIST", .what = kind::alpn, .in = FIELD(client_tls->alpn),
                    .fallback_words = "http/1.1, and off where only tcp listeners lead here", .none = "off"}}},
    });
    return all;
}
// clang-format on

}  // namespace weir::conf
