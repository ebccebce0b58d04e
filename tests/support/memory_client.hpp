#pragma once
/// A client of OpenSSL whose wire is a pair of strings, and a forger of records it would never send.
///
///     memory_client client{context.get()};
///     wire = client.begin();                          // its ClientHello
///     wire = client.hears(what_the_server_said);      // what it says to that
///     wire = client.writes("GET / ...");
///     CHECK(client.reads(wire) == "HTTP/1.1 200 OK(end)");   // "(end)" is a close_notify
///
///     record_forger forger{secrets.client, EVP_aes_128_gcm(), EVP_sha256()};
///     wire = forger.record(0x17, "data", 3);          // sealed as it ought to be, with three bytes of padding
#include <openssl/err.h>

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "lib/tls/openssl.hpp"
#include "lib/tls/traffic_secrets.hpp"
#include "tests/support/catch.hpp"

namespace weir::testing {

class memory_client {
public:
    explicit memory_client(SSL_CTX* context) : ssl_{SSL_new(context)} {
        BIO* in = BIO_new(BIO_s_mem());
        BIO* out = BIO_new(BIO_s_mem());
        BIO_set_mem_eof_return(in, -1);
        BIO_set_mem_eof_return(out, -1);
        SSL_set_bio(ssl_.get(), in, out);
        SSL_set_connect_state(ssl_.get());
    }
    ~memory_client() { ERR_clear_error(); }

    SSL* ssl() const { return ssl_.get(); }
    bool established() const { return SSL_is_init_finished(ssl()) == 1; }

    std::string begin() { return hears({}); }
    std::string hears(std::string_view wire) {
        feed(wire);
        SSL_do_handshake(ssl());
        ERR_clear_error();
        return said();
    }
    /// Since the last time.
    std::string said() {
        std::string wire(BIO_ctrl_pending(SSL_get_wbio(ssl())), '\0');
        if (!wire.empty()) BIO_read(SSL_get_wbio(ssl()), wire.data(), static_cast<int>(wire.size()));
        return wire;
    }
    std::string writes(std::string_view text) {
        const auto size = static_cast<int>(text.size());
        if (size > 0) REQUIRE(SSL_write(ssl(), text.data(), size) == size);
        return said();
    }
    /// Asks for new keys; how the server's are to be.
    std::string updates_keys(int kind) {
        REQUIRE(SSL_key_update(ssl(), kind) == 1);
        REQUIRE(SSL_do_handshake(ssl()) == 1);
        return said();
    }
    std::string ends() {
        SSL_shutdown(ssl());
        return said();
    }
    /// What the server meant; an end and an error are told in brackets.
    std::string reads(std::string_view wire) {
        feed(wire);
        std::string text;
        std::array<char, 4096> chunk{};
        while (true) {
            const int got = SSL_read(ssl(), chunk.data(), chunk.size());
            if (got > 0) {
                text.append(chunk.data(), static_cast<std::size_t>(got));
                continue;
            }
            const int why = SSL_get_error(ssl(), got);
            if (why == SSL_ERROR_ZERO_RETURN) text += "(end)";
            else if (why != SSL_ERROR_WANT_READ) text += "(" + tls::explain_failure(ssl()) + ")";
            return text;
        }
    }

private:
    void feed(std::string_view wire) {
        if (!wire.empty()) BIO_write(SSL_get_rbio(ssl()), wire.data(), static_cast<int>(wire.size()));
    }
    tls::ssl_ptr ssl_;
};

/// Seals as RFC 8446 5.2 has it, but whatever it is asked to.
class record_forger {
public:
    record_forger(const tls::traffic_secret& secret, const EVP_CIPHER* cipher, const EVP_MD* hash)
        : secret_{secret}, cipher_{cipher}, hash_{hash} {}

    std::string record(unsigned type, std::string_view text, std::size_t padding = 0) {
        return sealed(std::string{text} + static_cast<char>(type) + std::string(padding, '\0'));
    }
    /// `plain` with whatever type and padding it has or lacks.
    std::string sealed(std::string_view plain) {
        const std::size_t size = plain.size() + tag_bytes;
        std::string made{0x17, 3, 3, static_cast<char>(size >> 8), static_cast<char>(size)};
        const std::string header = made;
        made.append(plain).append(tag_bytes, '\0');
        auto* body = reinterpret_cast<unsigned char*>(made.data() + header.size());

        std::array<unsigned char, 32> key{};
        std::array<unsigned char, 12> nonce{};
        const auto key_bytes = static_cast<std::size_t>(EVP_CIPHER_get_key_length(cipher_));
        REQUIRE((secret_.expand(hash_, "key", {key.data(), key_bytes}) && secret_.expand(hash_, "iv", nonce)));
        for (unsigned i = 0; i < 8; ++i) nonce[11 - i] ^= static_cast<unsigned char>(number_ >> 8 * i);
        ++number_;
        const tls::openssl_ptr<EVP_CIPHER_CTX, EVP_CIPHER_CTX_free> cipher{EVP_CIPHER_CTX_new()};
        int n = 0;
        REQUIRE(EVP_EncryptInit_ex2(cipher.get(), cipher_, key.data(), nonce.data(), nullptr) == 1);
        REQUIRE(EVP_EncryptUpdate(cipher.get(), nullptr, &n, reinterpret_cast<const unsigned char*>(header.data()),
                                  static_cast<int>(header.size())) == 1);
        if (!plain.empty())
            REQUIRE(EVP_EncryptUpdate(cipher.get(), body, &n, body, static_cast<int>(plain.size())) == 1);
        REQUIRE(EVP_EncryptFinal_ex(cipher.get(), body + plain.size(), &n) == 1);
        REQUIRE(EVP_CIPHER_CTX_ctrl(cipher.get(), EVP_CTRL_AEAD_GET_TAG, tag_bytes, body + plain.size()) == 1);
        return made;
    }
    /// As after a KeyUpdate.
    void next_keys() {
        REQUIRE(secret_.advance(hash_));
        number_ = 0;
    }

private:
    static constexpr int tag_bytes = 16;
    tls::traffic_secret secret_;
    const EVP_CIPHER* cipher_;
    const EVP_MD* hash_;
    std::uint64_t number_ = 0;
};

}  // namespace weir::testing
