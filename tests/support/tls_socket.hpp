#pragma once
/// TLS over a connected socket, with the manners of recv() and send(), for the tools and clients of the tests.
///
///     ssl_context context = client_context();
///     tls_socket peer{*context, fd, tls_socket::role::client};
///     if (!peer.handshake() && errno == EAGAIN) ...;         // not yet: again at the next event of the socket
///     auto n = peer.receive(buffer, sizeof buffer);          // 0: the end
///
/// The socket may be blocking or not, and is closed by whoever opened it, after this object is gone. EAGAIN does not tell for
/// which direction TLS waits: on an edge-triggered set try again after any event, and read until EAGAIN, since a short read
/// drains a record and not the socket. Whoever uses this ignores SIGPIPE. An object belongs to one thread; contexts may be shared.
///
/// Shares no code with weir, so that one does not hide the faults of the other.
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <sys/types.h>

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace weir::testing {

template <auto free>
struct openssl_free {
    template <class T>
    void operator()(T* object) const noexcept {
        free(object);
    }
};
using ssl_context = std::unique_ptr<SSL_CTX, openssl_free<SSL_CTX_free>>;
using ssl_session = std::unique_ptr<SSL_SESSION, openssl_free<SSL_SESSION_free>>;

/// std::runtime_error with what OpenSSL has queued.
[[noreturn]] void openssl_failed(const std::string& doing);

/// A client's context that takes whatever certificate comes, without the cost of looking at it.
ssl_context client_context();
/// A server's, with its certificate chain and key in PEM; std::runtime_error if they cannot be used.
ssl_context server_context(const std::string& certificate_file, const std::string& key_file);

/// "h2,http/1.1" as ALPN has it on the wire.
std::string alpn_on_the_wire(std::string_view comma_separated);
/// "CN=www.example.com,O=Example", as RFC 2253 has it.
std::string subject_of(const X509& certificate);

class tls_socket {
    // Freeing an SSL that was not shut down marks its session as one that must not be resumed.
    struct shut_down_and_free {
        void operator()(SSL* ssl) const noexcept {
            SSL_set_shutdown(ssl, SSL_SENT_SHUTDOWN);
            SSL_free(ssl);
        }
    };

public:
    enum class role : bool { client, server };

    tls_socket(SSL_CTX& context, int fd, role as);

    /// True once done; false with errno as `receive` sets it, or ECONNRESET where the peer just left.
    bool handshake();
    bool established() const { return SSL_is_init_finished(ssl_.get()) != 0; }

    /// As recv(): 0 at the end, orderly or not; -1 with EAGAIN, or EPROTO for whatever TLS itself objects to. Does the
    /// handshake first if need be.
    ssize_t receive(char* into, std::size_t n);
    /// As send(): how much was taken, or -1. After EAGAIN the next call must begin with the same bytes.
    ssize_t send(std::string_view bytes);
    /// Says that no more will be sent (close_notify).
    void finish_sending();

    bool ended_orderly() const { return (SSL_get_shutdown(ssl_.get()) & SSL_RECEIVED_SHUTDOWN) != 0; }
    std::optional<int> alert() const { return alert_; }      ///< the fatal one received, an SSL_AD_ of OpenSSL
    const std::string& problem() const { return problem_; }  ///< in OpenSSL's words, after EPROTO

    /// What a later connection may resume; none before the server's ticket came (TLS 1.3: behind the handshake).
    ssl_session session() const;
    SSL* ssl() const { return ssl_.get(); }

private:
    ssize_t failed(int result);

    std::unique_ptr<SSL, shut_down_and_free> ssl_;
    std::optional<int> alert_;
    std::string problem_;
};

}  // namespace weir::testing
