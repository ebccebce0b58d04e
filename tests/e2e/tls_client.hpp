#pragma once
/// A raw_client that speaks TLS, offers exactly what it is told to, and says what the handshake came to.
///
///     tls_client client{proxy.address(), {.sni = "www.example.com", .alpn = "http/1.1"}};
///     REQUIRE(client.established());
///     CHECK(client.get("/bytes/5").status == 200);
///     CHECK(client.version() == "TLSv1.3");
///     client.finish_sending();                       // close_notify
///     CHECK(client.ended());                         // and the peer's, then the end of the stream
///
///     tls_client again{proxy.address(), {.resume = client.session()}};
///     CHECK(again.resumed());
///
///     tls_client late{proxy.address(), {.max_version = TLS1_1_VERSION, .ciphers = "ALL:@SECLEVEL=0"}};
///     CHECK_FALSE(late.established());
///     CHECK(late.alert() == SSL_AD_PROTOCOL_VERSION);
///
/// Everything that raw_client does is done through TLS, but for hang_up() and reset(), which cut the connection without a
/// word. A handshake that fails is not an exception: look at established(), alert() and problem(). One that does not end
/// within the patience is.
#include <memory>
#include <optional>
#include <string>

#include "tests/e2e/raw_client.hpp"
#include "tests/support/tls_socket.hpp"

namespace weir::testing {

using tls_session = std::shared_ptr<SSL_SESSION>;

/// What a client offers and demands. Empty or zero: OpenSSL's default.
struct tls_options {
    std::string sni = {};
    std::string alpn = {};  ///< "h2,http/1.1"
    std::string ca = {};  ///< PEM file: the server's certificate must be of its making; empty: any certificate will do
    std::string name = {};                              ///< which it must be valid for, with `ca`; empty: `sni`
    std::string certificate = {};                       ///< ours, a PEM file
    std::string key = {};                               ///< empty: in the same file
    int min_version = TLS1_2_VERSION, max_version = 0;  ///< TLS1_3_VERSION and its likes
    std::string ciphers = {};                           ///< of TLS 1.2 and before; "@SECLEVEL=0" for outdated ones
    std::string ciphersuites = {};                      ///< of TLS 1.3
    std::string curves = {};                            ///< "X25519:P-256"
    std::string signatures = {};                        ///< "ECDSA+SHA256:RSA-PSS+SHA256"
    tls_session resume = {};
    bool ask_for_ocsp = false;
    int receive_buffer = 0;  ///< bytes of the socket, as for raw_client
};

class tls_client : public raw_client {
public:
    explicit tls_client(const std::string& address, const tls_options& options = {});
    /// Over a connection that exists, for what has to go before (a PROXY header). Nothing read from it may be left.
    explicit tls_client(raw_client&& over, const tls_options& options = {});

    void finish_sending() override;  ///< close_notify, no FIN

    bool established() const { return socket_.established(); }
    /// The fatal one that came, an SSL_AD_ of OpenSSL. What a TLS 1.3 server objects to in our certificate comes behind
    /// the handshake, so read first.
    std::optional<int> alert() const { return socket_.alert(); }
    std::string problem() const { return socket_.problem(); }  ///< in OpenSSL's words
    std::string verdict() const;                               ///< of our verification: "ok", "certificate has expired"
    bool ended_orderly() const { return socket_.ended_orderly(); }  ///< a close_notify came

    std::string version() const;       ///< "TLSv1.3"
    std::string cipher() const;        ///< "TLS_AES_256_GCM_SHA384"
    std::string alpn() const;          ///< empty: none was agreed on
    std::string peer_subject() const;  ///< "CN=www.example.com", as RFC 2253 has it
    std::string peer_key() const;      ///< "RSA", "EC"
    std::string ocsp() const;          ///< the stapled response, DER; empty: none
    bool resumed() const;
    /// To resume later; null before the server's ticket came, which TLS 1.3 sends behind the handshake: read an answer first.
    tls_session session() const;

    /// TLS 1.2: asks for another handshake; false if the server does not go along.
    bool renegotiate();
    SSL* ssl() const { return socket_.ssl(); }

protected:
    ssize_t read_some(char* into, std::size_t n) override;
    ssize_t write_some(std::string_view bytes, int flags) override;

private:
    tls_socket socket_;
};

/// The first bytes that a client with these options sends: one record with its ClientHello.
std::string client_hello(const tls_options& options = {});

}  // namespace weir::testing
