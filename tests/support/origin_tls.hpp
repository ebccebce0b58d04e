#pragma once
/// TLS at the origin: its certificate, what it demands of clients, and what it tells of a handshake.
///
///     tls_side ours{{.certificate = "cert.pem", .key = "key.pem"}};
///     weir::testing::tls_socket peer = ours.accept(fd);
#include <string>

#include "tests/support/tls_socket.hpp"

namespace origin {

struct tls_settings {
    std::string certificate = {};  ///< PEM file with the chain; empty: no TLS
    std::string key = {};          ///< empty: in the same file
    std::string client_ca = {};    ///< PEM file: clients need a certificate of its making; empty: they are not asked
    std::string alpn = {};  ///< "h2,http/1.1", the best first; clients that offer others are refused. Empty: ignored
    std::string max_version = {};  ///< "1.2" or "1.3"
};

class tls_side {
public:
    /// std::runtime_error if something cannot be read or used.
    explicit tls_side(const tls_settings& wanted);
    tls_side(const tls_side&) = delete;
    tls_side& operator=(const tls_side&) = delete;

    weir::testing::tls_socket accept(int fd) {
        return weir::testing::tls_socket{*context_, fd, weir::testing::tls_socket::role::server};
    }

private:
    std::string alpn_;  // on the wire
    weir::testing::ssl_context context_;
};

/// {"version":"TLSv1.3","cipher":...,"sni":...,"alpn":...,"client":subject of its certificate,"resumed":false}
std::string told_of(const weir::testing::tls_socket& peer);

}  // namespace origin
