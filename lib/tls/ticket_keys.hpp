#pragma once
/// The keys that seal session tickets (RFC 5077, RFC 8446 4.6.1): a client that brings its ticket back is spared the
/// full handshake, on any worker.
///
///     ticket_keys keys{12h, now};
///     keys.rotate(now);                  // from a timer, at any pace that suits
///
/// The current key seals. It changes every `lifetime`; the one before still opens, and its tickets are replaced by new
/// ones, so a ticket is good for one to two lifetimes, and what was recorded cannot be opened once its key is gone
/// (keys are forgotten, never written down). Thread-safe; shared by contexts of any number of listeners and, over a
/// reload, by the old and the new context. AES-256-CBC with HMAC-SHA-256, as RFC 5077 4 recommends.
#include <array>
#include <chrono>
#include <mutex>
#include <optional>

#include "lib/tls/certificate.hpp"
#include "lib/tls/openssl.hpp"

namespace weir::tls {

class ticket_keys {
public:
    ticket_keys(std::chrono::seconds lifetime, wall_time now);
    ticket_keys(const ticket_keys&) = delete;
    ~ticket_keys();

    /// Makes a new key when the current one has had its time; after two lifetimes without a call, both are new.
    void rotate(wall_time now);
    /// When the next key is due.
    wall_time next_rotation() const;

    /// Makes `context` seal and open tickets with these keys, which must outlive it and its sessions. Takes the
    /// context's app data (SSL_CTX_set_app_data).
    void serve(SSL_CTX* context);

private:
    struct key {
        std::array<unsigned char, 16> name;
        std::array<unsigned char, 32> cipher;
        std::array<unsigned char, 32> mac;
    };
    static key fresh();
    static int on_ticket(SSL* ssl, unsigned char* name, unsigned char* iv, EVP_CIPHER_CTX* cipher, EVP_MAC_CTX* mac,
                         int sealing);
    int use(SSL* ssl, unsigned char* name, unsigned char* iv, EVP_CIPHER_CTX* cipher, EVP_MAC_CTX* mac, bool sealing);

    const std::chrono::seconds lifetime_;
    const openssl_ptr<EVP_CIPHER, EVP_CIPHER_free> cipher_;  // fetched once: looking it up costs more than using it
    mutable std::mutex lock_;                                // held for a copy of 80 bytes
    key current_;
    std::optional<key> previous_;
    wall_time next_;
};

}  // namespace weir::tls
