#pragma once
/// All a listener needs to answer TLS handshakes: certificates by name, versions, ciphers, ALPN, tickets.
///
///     auto loaded = server_context::load(settings, keys, now);
///     if (!loaded) ...                       // every error at once, each a line that begins with its file or setting
///     ssl_ptr ssl = (*loaded)->new_session(hello);
///     SSL_set_bio(...); SSL_do_handshake(ssl.get());
///
/// Which certificate: one that names the host exactly, else one whose `*.` covers it (one label), else the first, or
/// the alert unrecognized_name when unknown names are refused; a client that sends no name gets the first. Where an
/// ECDSA and an RSA certificate bear the same name, a client gets the ECDSA one if it takes it: a fraction of the work.
///
/// Off for good: renegotiation, early data, compression, versions before 1.2, session caches (tickets only, one for
/// each TLS 1.3 handshake: a second would cost time, and browsers ask for what they need on the next connection).
///
/// Immutable after load, so that any thread may use it; when files change a new one takes its place, and sessions of
/// before keep theirs alive (ssl_ptr sees to that, on whichever thread they end).
#include <cstddef>
#include <expected>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "lib/tls/certificate.hpp"
#include "lib/tls/client_hello.hpp"
#include "lib/tls/openssl.hpp"
#include "lib/tls/settings.hpp"
#include "lib/tls/ticket_keys.hpp"

namespace weir::tls {

class server_context : public std::enable_shared_from_this<server_context> {
public:
    using loaded = std::expected<std::shared_ptr<const server_context>, std::vector<std::string>>;

    /// Reads and checks all files, with blocking calls. `keys` may be null when tickets are off.
    static loaded load(const server_settings& settings, std::shared_ptr<ticket_keys> keys, wall_time now);

    /// What an operator should know: a certificate near its end, a chain out of order, a stale OCSP response.
    const std::vector<std::string>& warnings() const noexcept { return warnings_; }
    const std::vector<certificate_facts>& certificates() const noexcept { return certificates_; }

    /// A session in accept state, without a BIO. With the client's first flight at hand the right certificate is set
    /// up at once; without it, OpenSSL asks back during the handshake, which costs a little more when there are several.
    ssl_ptr new_session() const;
    ssl_ptr new_session(const client_hello& hello) const;

    /// Which certificate the client will get: its key decides what a full handshake costs.
    const certificate_facts& likely_certificate(const client_hello& hello) const;

private:
    /// Certificates that serve the same names, at most one of each kind of key.
    struct certificate_set {
        std::vector<std::size_t> members;  // of certificates_, as configured
        ssl_ctx_ptr context;
    };
    struct staple {
        X509* certificate;  // owned by a context
        std::string response;
        std::optional<wall_time> until;
    };
    struct hash {
        using is_transparent = void;
        std::size_t operator()(std::string_view name) const noexcept { return std::hash<std::string_view>{}(name); }
    };
    using set_by_name = std::unordered_map<std::string, std::size_t, hash, std::equal_to<>>;

    server_context() = default;
    void sort_into_sets();
    void set_up(SSL_CTX* context, const server_settings& settings, const std::vector<x509_ptr>& client_authorities,
                std::vector<std::string>& errors);
    /// Lower case, without final dot.
    const certificate_set* find(std::string_view name) const;
    const certificate_set& choose(const client_hello& hello) const;
    ssl_ptr new_session(const certificate_set& set) const;
    static int on_server_name(SSL* ssl, int* alert, void* self);
    static int on_alpn(SSL* ssl, const unsigned char** chosen, unsigned char* size, const unsigned char* offered,
                       unsigned offered_size, void* self);
    static int on_status_request(SSL* ssl, void* self);

    std::shared_ptr<ticket_keys> keys_;
    std::vector<std::string> warnings_;
    std::vector<certificate_facts> certificates_;
    std::vector<staple> staples_;
    std::vector<certificate_set> sets_;  // the first is for clients that name nobody
    set_by_name exact_;                  // "a.test"
    set_by_name wildcard_;               // ".b.test" for "*.b.test"
    bool refuse_unknown_ = false;
    std::string alpn_;  // as on the wire
};

}  // namespace weir::tls
