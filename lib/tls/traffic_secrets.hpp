#pragma once
/// The secrets that a TLS 1.3 handshake leaves to the records after it (RFC 8446 7.1), and what is derived of them.
///
///     traffic_secrets::hear_of(context);      // once for each SSL_CTX
///     traffic_secrets secrets;
///     secrets.listen_to(ssl);                 // before the handshake; `secrets` must outlive it, or forget(ssl)
///     ...                                     // the handshake is done
///     secrets.client.expand(EVP_sha256(), "key", key);
///
/// OpenSSL tells them by its callback for key logs, the one public way to them. It writes all five secrets of a handshake
/// as text for that, which costs about 25 us. Here they are kept in memory that is cleared, and never written anywhere.
#include <array>
#include <cstddef>
#include <span>
#include <string_view>

#include "lib/tls/openssl.hpp"

namespace weir::tls {

class traffic_secret {
public:
    traffic_secret() = default;
    traffic_secret(const traffic_secret&) = default;
    traffic_secret& operator=(const traffic_secret&) = default;
    ~traffic_secret();

    /// Lower or upper case. Stays empty when it is no hex or too long.
    void read_hex(std::string_view text) noexcept;
    /// Of the handshake's hash: 32 or 48; 0: not known.
    std::size_t size() const noexcept { return size_; }

    /// HKDF-Expand-Label without a context, for at most as many bytes as the hash has. False: `into` is worth nothing.
    bool expand(const EVP_MD* hash, std::string_view label, std::span<unsigned char> into) const noexcept;
    /// Becomes the secret of the next generation (7.2).
    bool advance(const EVP_MD* hash) noexcept;

private:
    std::array<unsigned char, 48> bytes_{};
    std::size_t size_ = 0;
};

/// Of application traffic, both empty until the handshake has made them.
struct traffic_secrets {
    traffic_secret client, server;

    static void hear_of(SSL_CTX* context);
    bool listen_to(SSL* ssl) noexcept;
    static void forget(SSL* ssl) noexcept;
};

}  // namespace weir::tls
