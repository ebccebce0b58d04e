#include "lib/tls/ticket_keys.hpp"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/rand.h>

#include <algorithm>
#include <stdexcept>

namespace weir::tls {

ticket_keys::ticket_keys(std::chrono::seconds lifetime, wall_time now)
    : lifetime_{lifetime}, cipher_{EVP_CIPHER_fetch(nullptr, "AES-256-CBC", nullptr)}, current_{fresh()},
      next_{now + lifetime} {}

ticket_keys::~ticket_keys() {
    OPENSSL_cleanse(&current_, sizeof current_);
    if (previous_) OPENSSL_cleanse(&*previous_, sizeof *previous_);
}

ticket_keys::key ticket_keys::fresh() {
    key made;
    // Fails only where the system has no randomness at all; then nothing of TLS can work.
    if (RAND_bytes(made.name.data(), static_cast<int>(made.name.size())) != 1 ||
        RAND_priv_bytes(made.cipher.data(), static_cast<int>(made.cipher.size())) != 1 ||
        RAND_priv_bytes(made.mac.data(), static_cast<int>(made.mac.size())) != 1)
        throw std::runtime_error{"ticket keys: no randomness: " + take_errors()};
    return made;
}

void ticket_keys::rotate(wall_time now) {
    const std::scoped_lock hold{lock_};
    if (now < next_) return;
    previous_ = now < next_ + lifetime_ ? current_ : fresh();
    current_ = fresh();
    next_ = now + lifetime_;
}

wall_time ticket_keys::next_rotation() const {
    const std::scoped_lock hold{lock_};
    return next_;
}

void ticket_keys::serve(SSL_CTX* context) {
    SSL_CTX_set_app_data(context, this);
    SSL_CTX_set_tlsext_ticket_key_evp_cb(context, on_ticket);
}

int ticket_keys::on_ticket(SSL* ssl, unsigned char* name, unsigned char* iv, EVP_CIPHER_CTX* cipher, EVP_MAC_CTX* mac,
                           int sealing) {
    auto* keys = static_cast<ticket_keys*>(SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl)));
    return keys->use(ssl, name, iv, cipher, mac, sealing != 0);
}

/// The answers are OpenSSL's: negative is an error, 0 no ticket or not ours, 1 done, 2 opened and to be replaced.
int ticket_keys::use(SSL* ssl, unsigned char* name, unsigned char* iv, EVP_CIPHER_CTX* cipher, EVP_MAC_CTX* mac,
                     bool sealing) {
    key chosen;
    bool is_current = true;
    {
        const std::scoped_lock hold{lock_};
        const auto named = [name](const key& one) { return std::equal(one.name.begin(), one.name.end(), name); };
        if (sealing || named(current_)) {
            chosen = current_;
        } else if (previous_ && named(*previous_)) {
            chosen = *previous_;
            is_current = false;
        } else {
            return 0;
        }
    }
    int answer = -1;
    char digest[] = "SHA256";
    const OSSL_PARAM mac_settings[] = {OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
                                       OSSL_PARAM_construct_end()};
    if (sealing) {
        std::ranges::copy(chosen.name, name);
        if (RAND_bytes(iv, EVP_CIPHER_get_iv_length(cipher_.get())) == 1 &&
            EVP_EncryptInit_ex2(cipher, cipher_.get(), chosen.cipher.data(), iv, nullptr) == 1)
            answer = 1;
    } else if (EVP_DecryptInit_ex2(cipher, cipher_.get(), chosen.cipher.data(), iv, nullptr) == 1) {
        // A ticket of TLS 1.3 is for one use, so its owner needs a new one.
        answer = is_current && SSL_version(ssl) != TLS1_3_VERSION ? 1 : 2;
    }
    if (EVP_MAC_init(mac, chosen.mac.data(), chosen.mac.size(), mac_settings) != 1) answer = -1;
    OPENSSL_cleanse(&chosen, sizeof chosen);
    return answer;
}

}  // namespace weir::tls
