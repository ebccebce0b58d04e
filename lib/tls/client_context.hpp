#pragma once
/// All that connections to the servers of a backend need to speak TLS: trusted authorities, our certificate, versions.
///
///     auto loaded = client_context::load({.alpn = {"http/1.1"}}, now);
///     session_store sessions;                                    // one for each server
///     ssl_ptr ssl = (*loaded)->new_session("api.internal", &sessions);
///     SSL_set_bio(...); SSL_do_handshake(ssl.get());             // fails unless the server proves to be api.internal
///
/// The context is immutable after load: any thread may use it. An SSL keeps it alive; it must not outlive its store.
#include <array>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <memory>
#include <string>
#include <vector>

#include "lib/tls/certificate.hpp"
#include "lib/tls/openssl.hpp"
#include "lib/tls/settings.hpp"

namespace weir::tls {

/// The last resumable sessions with one server, so that the next connection is spared the full handshake. A session
/// of TLS 1.3 is used once (RFC 8446 C.4), one of TLS 1.2 again and again. Belongs to one worker: no lock.
class session_store {
public:
    static constexpr std::size_t places = 4;  // what several connections opened at once may need

    session_store() = default;
    session_store(const session_store&) = delete;

private:
    friend class client_context;
    void put(ssl_session_ptr session, std::uint64_t context);
    /// Up to date and made by that context, or null.
    ssl_session_ptr take(std::uint64_t context);

    std::array<ssl_session_ptr, places> sessions_;  // the newest last
    std::uint64_t context_ = 0;                     // that they were made by
};

class client_context : public std::enable_shared_from_this<client_context> {
public:
    using loaded = std::expected<std::shared_ptr<const client_context>, std::vector<std::string>>;

    static loaded load(const client_settings& settings, wall_time now);

    const std::vector<std::string>& warnings() const noexcept { return warnings_; }

    /// A session in connect state, without a BIO. `name` is asked for (SNI) and, when verification is on, must be in
    /// the certificate; an IP address is checked but not asked for (RFC 6066 3). Empty: neither, for use without
    /// verification only. Resumes one of `sessions` and adds new ones to it; may be null. Null when memory is short or
    /// `name` can be no name.
    ssl_ptr new_session(const std::string& name, session_store* sessions) const;

private:
    client_context() = default;
    static int on_new_session(SSL* ssl, SSL_SESSION* session);

    std::uint64_t id_ = 0;  // of this context; sessions of another are not resumed, it may have trusted others
    bool verify_ = true;
    std::vector<std::string> warnings_;
    ssl_ctx_ptr context_;
};

}  // namespace weir::tls
