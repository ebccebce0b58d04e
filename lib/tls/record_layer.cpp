#include "lib/tls/record_layer.hpp"

#include <openssl/crypto.h>
#include <openssl/err.h>

#include <algorithm>
#include <cstring>
#include <utility>

namespace weir::tls {
namespace {

constexpr std::size_t header_bytes = 5;
constexpr std::size_t tag_bytes = 16;
/// RFC 8446 5.2 allows more, for ciphers that need it; 5.4 allows no more of plain text, type and padding.
constexpr std::size_t max_sealed_bytes = record_layer::max_plain_bytes + 1 + tag_bytes;

enum record_type : unsigned { alert = 21, handshake = 22, application_data = 23 };

constexpr unsigned char key_update = 24;
constexpr std::string_view key_update_of_ours{"\x18\0\0\x01\0", 5};  // and the peer need not do the same

const unsigned char* bytes_of(std::string_view text) { return reinterpret_cast<const unsigned char*>(text.data()); }

}  // namespace

/// Fetched once, since looking them up costs more than using them; for ever.
const record_layer::suite* record_layer::suite_of(const SSL* ssl) {
    using kernel_tls::cipher;
    const auto fetched = [](const char* name, const char* hash, cipher in_kernel) {
        return suite{EVP_CIPHER_fetch(nullptr, name, nullptr), EVP_MD_fetch(nullptr, hash, nullptr), in_kernel};
    };
    static const suite aes_128 = fetched("AES-128-GCM", "SHA256", cipher::aes_128_gcm),
                       aes_256 = fetched("AES-256-GCM", "SHA384", cipher::aes_256_gcm),
                       chacha = fetched("ChaCha20-Poly1305", "SHA256", cipher::chacha20_poly1305);
    const suite* found = nullptr;
    switch (SSL_CIPHER_get_id(SSL_get_current_cipher(ssl))) {
    case TLS1_3_CK_AES_128_GCM_SHA256: found = &aes_128; break;
    case TLS1_3_CK_AES_256_GCM_SHA384: found = &aes_256; break;
    case TLS1_3_CK_CHACHA20_POLY1305_SHA256: found = &chacha; break;
    default: return nullptr;
    }
    return found->cipher && found->hash ? found : nullptr;
}

std::unique_ptr<record_layer> record_layer::after_handshake(const SSL* ssl, const traffic_secrets& secrets,
                                                            std::uint64_t sent, std::uint64_t per_key) {
    if (SSL_version(ssl) != TLS1_3_VERSION || !SSL_is_server(ssl) || !SSL_is_init_finished(ssl)) return nullptr;
    if (SSL_SESSION_get_max_fragment_length(SSL_get_session(ssl)) != TLSEXT_max_fragment_length_DISABLED)
        return nullptr;
    const auto* with = suite_of(ssl);
    if (with == nullptr) return nullptr;
    const auto hash_bytes = static_cast<std::size_t>(EVP_MD_get_size(with->hash));
    if (secrets.client.size() != hash_bytes || secrets.server.size() != hash_bytes) return nullptr;

    std::unique_ptr<record_layer> made{new record_layer};
    made->suite_ = with;
    made->in_.secret = secrets.client;
    made->out_.secret = secrets.server;
    if (!made->in_.set_keys(*with, false) || !made->out_.set_keys(*with, true)) return nullptr;
    made->out_.number = sent;
    made->per_key_ = per_key;
    return made;
}

// Keys

bool record_layer::direction::set_keys(const suite& with, bool sealing) {
    std::array<unsigned char, EVP_MAX_KEY_LENGTH> key{};
    const std::span used{key.data(), static_cast<std::size_t>(EVP_CIPHER_get_key_length(with.cipher))};
    cipher.reset(EVP_CIPHER_CTX_new());  // nothing of the key before is left
    const bool done =
        cipher && secret.expand(with.hash, "key", used) && secret.expand(with.hash, "iv", iv) &&
        EVP_CipherInit_ex2(cipher.get(), with.cipher, used.data(), nullptr, sealing ? 1 : 0, nullptr) == 1;
    if (!done) ERR_clear_error();
    OPENSSL_cleanse(key.data(), key.size());
    number = 0;
    return done;
}

bool record_layer::direction::next_generation(const suite& with, bool sealing) {
    return secret.advance(with.hash) && set_keys(with, sealing);
}

/// RFC 8446 5.3
std::array<unsigned char, 12> record_layer::direction::nonce() const noexcept {
    auto made = iv;
    for (unsigned i = 0; i < 8; ++i) made[11 - i] ^= static_cast<unsigned char>(number >> 8 * i);
    return made;
}

// Sealing

bool record_layer::seal_record(unsigned type, std::string_view first, std::string_view second, std::string& wire) {
    const std::size_t begin = wire.size();
    const std::size_t plain = first.size() + second.size() + 1;
    const std::size_t sealed = plain + tag_bytes;
    const char header[header_bytes] = {static_cast<char>(application_data), 3, 3, static_cast<char>(sealed >> 8),
                                       static_cast<char>(sealed)};
    wire.append(header, header_bytes).append(first).append(second);
    wire += static_cast<char>(type);
    wire.append(tag_bytes, '\0');

    auto* const text = reinterpret_cast<unsigned char*>(wire.data() + begin);
    auto* const body = text + header_bytes;
    const auto nonce = out_.nonce();
    EVP_CIPHER_CTX* cipher = out_.cipher.get();
    int made = 0;
    if (EVP_EncryptInit_ex2(cipher, nullptr, nullptr, nonce.data(), nullptr) != 1 ||
        EVP_EncryptUpdate(cipher, nullptr, &made, text, header_bytes) != 1 ||
        EVP_EncryptUpdate(cipher, body, &made, body, static_cast<int>(plain)) != 1 ||
        EVP_EncryptFinal_ex(cipher, body + plain, &made) != 1 ||
        EVP_CIPHER_CTX_ctrl(cipher, EVP_CTRL_AEAD_GET_TAG, tag_bytes, body + plain) != 1) {
        wire.resize(begin);   // rather nothing than something plain
        sealed_last_ = true;  // and the number is not used again
        ERR_clear_error();
        return false;
    }
    ++out_.number;
    return true;
}

bool record_layer::renew_sealing(std::string& wire) {
    owes_update_ = false;
    if (!seal_record(handshake, key_update_of_ours, {}, wire)) return false;
    if (!out_.next_generation(*suite_, true)) sealed_last_ = true;
    return !sealed_last_;
}

bool record_layer::seal(std::string_view first, std::string_view second, std::size_t most, std::string& wire) {
    most = std::clamp(most, std::size_t{1}, max_plain_bytes);
    if (sealed_last_ || incoming_ == state::broken) return false;
    while (!first.empty() || !second.empty()) {
        if ((owes_update_ || out_.number >= per_key_) && !renew_sealing(wire)) return false;
        const auto of_first = first.substr(0, most);
        const auto of_second = second.substr(0, most - of_first.size());
        if (!seal_record(application_data, of_first, of_second, wire)) return false;
        idle_records_ = 0;
        first.remove_prefix(of_first.size());
        second.remove_prefix(of_second.size());
    }
    return true;
}

void record_layer::seal_end(std::string& wire) {
    if (sealed_last_ || incoming_ == state::broken) return;
    constexpr std::string_view close_notify{"\x01\x00", 2};
    seal_record(alert, close_notify, {}, wire);
    sealed_last_ = true;
}

void record_layer::append_own(std::string& wire) {
    if (sealed_last_ || alert_ == 0) return;
    constexpr char fatal = 2;
    const char text[] = {fatal, static_cast<char>(alert_)};
    if (kernel_seals_ >= 0) kernel_tls::send_alert(kernel_seals_, alert_);
    else seal_record(alert, {text, sizeof text}, {}, wire);
    sealed_last_ = true;
}

bool record_layer::seal_in_kernel(int descriptor) noexcept {
    if (sealed_last_ || owes_update_ || incoming_ != state::open) return false;
    std::array<unsigned char, EVP_MAX_KEY_LENGTH> key{};
    const std::span used{key.data(), static_cast<std::size_t>(EVP_CIPHER_get_key_length(suite_->cipher))};
    const bool done = out_.secret.expand(suite_->hash, "key", used) &&
                      kernel_tls::seal(descriptor, {suite_->in_kernel, used, out_.iv, out_.number});
    OPENSSL_cleanse(key.data(), key.size());
    if (!done) return false;
    kernel_seals_ = descriptor;
    out_.cipher.reset();
    return true;
}

bool record_layer::is_worn() const noexcept {
    return kernel_seals_ >= 0 && kernel_tls::next_number(kernel_seals_, suite_->in_kernel) >= per_key_;
}

// Opening

void record_layer::break_down(unsigned alert_number, std::string why) {
    break_with(std::move(why));
    alert_ = static_cast<std::uint8_t>(alert_number);
}

std::size_t record_layer::open(std::string_view& wire, std::span<char> space) {
    if (has_more()) return take_opened(space);
    std::size_t made = 0;
    while (made == 0 && incoming_ == state::open) {
        const auto record = next_record(wire);
        if (record.empty()) break;
        made = take_record(record, space);
        if (!partial_.empty()) release(partial_);
    }
    if (incoming_ != state::open) {
        wire = {};  // nothing more is of interest
        release(partial_);
    }
    return made;
}

std::size_t record_layer::take_opened(std::span<char> space) {
    const auto count = std::min(opened_.size() - opened_taken_, space.size());
    std::memcpy(space.data(), opened_.data() + opened_taken_, count);
    opened_taken_ += count;
    if (!has_more()) {
        release(opened_);
        opened_taken_ = 0;
    }
    return count;
}

/// Where it came in one piece, within `wire`; else put together in partial_, of which then nothing else is left. Empty:
/// there is more to come, or it cannot be a record.
std::string_view record_layer::next_record(std::string_view& wire) {
    if (partial_.empty() && wire.size() >= header_bytes) {
        const auto size = record_bytes(wire);
        if (size == 0) return {};
        if (wire.size() >= size) {
            const auto whole = wire.substr(0, size);
            wire.remove_prefix(size);
            return whole;
        }
    }
    const auto gather = [&](std::size_t size) {
        const auto count = std::min(size - std::min(size, partial_.size()), wire.size());
        partial_.append(wire.substr(0, count));
        wire.remove_prefix(count);
        return partial_.size() >= size;
    };
    if (!gather(header_bytes)) return {};
    const auto size = record_bytes(partial_);
    return size > 0 && gather(size) ? std::string_view{partial_} : std::string_view{};
}

/// Of the record whose header this is, with the header; 0: none can be that long or of that kind.
std::size_t record_layer::record_bytes(std::string_view header) {
    const auto* bytes = bytes_of(header);
    const auto sealed = static_cast<std::size_t>(bytes[3]) << 8 | static_cast<std::size_t>(bytes[4]);
    if (bytes[0] != application_data) {
        break_down(SSL_AD_UNEXPECTED_MESSAGE, "a record of a kind that does not belong here");
    } else if (bytes[1] != 3 || bytes[2] != 3) {
        break_down(SSL_AD_DECODE_ERROR, "a record of another version");
    } else if (sealed > max_sealed_bytes) {
        break_down(SSL_AD_RECORD_OVERFLOW, "a record is too large");
    } else if (sealed <= tag_bytes) {
        break_down(SSL_AD_BAD_RECORD_MAC, "a record is too small");
    } else {
        return header_bytes + sealed;
    }
    return 0;
}

/// The plain text, type and padding still at its end, into `into`, which has the place.
bool record_layer::open_record(std::string_view record, char* into) {
    const auto* sealed = bytes_of(record) + header_bytes;
    const std::size_t plain = record.size() - header_bytes - tag_bytes;
    const auto nonce = in_.nonce();
    EVP_CIPHER_CTX* cipher = in_.cipher.get();
    auto* out = reinterpret_cast<unsigned char*>(into);
    int made = 0;
    std::array<unsigned char, tag_bytes> tag{};
    std::memcpy(tag.data(), sealed + plain, tag_bytes);
    if (EVP_DecryptInit_ex2(cipher, nullptr, nullptr, nonce.data(), nullptr) != 1 ||
        EVP_CIPHER_CTX_ctrl(cipher, EVP_CTRL_AEAD_SET_TAG, tag_bytes, tag.data()) != 1 ||
        EVP_DecryptUpdate(cipher, nullptr, &made, bytes_of(record), header_bytes) != 1 ||
        EVP_DecryptUpdate(cipher, out, &made, sealed, static_cast<int>(plain)) != 1 ||
        EVP_DecryptFinal_ex(cipher, out + plain, &made) != 1) {
        OPENSSL_cleanse(into, plain);  // what nobody has vouched for nobody shall see
        ERR_clear_error();
        return false;
    }
    ++in_.number;
    return true;
}

/// The bytes put into `space`; 0: it was no data, or it broke the connection.
std::size_t record_layer::take_record(std::string_view record, std::span<char> space) {
    const std::size_t plain = record.size() - header_bytes - tag_bytes;
    const bool fits = plain <= space.size();
    std::string apart;
    if (!fits) apart.resize(plain);
    char* const text = fits ? space.data() : apart.data();
    if (!open_record(record, text)) {
        break_down(SSL_AD_BAD_RECORD_MAC, "decryption failed or bad record mac");
        return 0;
    }
    // Zeros are padding, the last byte before them is the type.
    std::size_t size = plain;
    while (size > 0 && text[size - 1] == 0) --size;
    const unsigned type = size > 0 ? static_cast<unsigned char>(text[--size]) : 0;

    if (message_bytes_ > 0 && type != handshake) {
        break_down(SSL_AD_UNEXPECTED_MESSAGE, "a record in the middle of a message");
    } else if (type == application_data && size > 0) {
        idle_records_ = 0;
        if (fits) return size;
        apart.resize(size);
        opened_ = std::move(apart);
        return take_opened(space);
    } else if (type == alert) {
        take_alert({text, size});
    } else if (type == handshake) {
        take_handshake({text, size});
    } else if (type != application_data) {
        break_down(SSL_AD_UNEXPECTED_MESSAGE, "a record of an unknown kind");
    }
    if (incoming_ == state::open && ++idle_records_ > max_idle_records)
        break_down(SSL_AD_UNEXPECTED_MESSAGE, "too many records without data");
    return 0;
}

/// Level does not matter: each but two is fatal (RFC 8446 6).
void record_layer::take_alert(std::string_view text) {
    if (text.size() != 2) return break_down(SSL_AD_DECODE_ERROR, "an alert of a wrong size");
    const int number = bytes_of(text)[1];
    if (number == SSL_AD_USER_CANCELLED) return;  // close_notify follows
    if (number == SSL_AD_CLOSE_NOTIFY) {
        incoming_ = state::ended;
        return;
    }
    break_with("the peer sent alert " + name_of_alert(number));  // without an alert of ours
}

/// A KeyUpdate, perhaps in parts, with nothing behind it: that would be sealed with other keys (RFC 8446 5.1).
void record_layer::take_handshake(std::string_view text) {
    if (text.empty()) return break_down(SSL_AD_UNEXPECTED_MESSAGE, "part of a message without a byte");
    for (const char byte : text) {
        if (message_bytes_ == message_.size())
            return break_down(SSL_AD_UNEXPECTED_MESSAGE, "a KeyUpdate is not the last of its record");
        message_[message_bytes_++] = static_cast<unsigned char>(byte);
        if (message_[0] != key_update)
            return break_down(SSL_AD_UNEXPECTED_MESSAGE, "a handshake message after the handshake");
        if (message_bytes_ == 4 && (message_[1] != 0 || message_[2] != 0 || message_[3] != 1))
            return break_down(SSL_AD_DECODE_ERROR, "a KeyUpdate of a wrong size");
    }
    if (message_bytes_ < message_.size()) return;
    message_bytes_ = 0;
    if (message_[4] > 1) return break_down(SSL_AD_ILLEGAL_PARAMETER, "a KeyUpdate that asks for something unknown");
    if (message_[4] == 1 && kernel_seals_ >= 0)
        return break_down(SSL_AD_INTERNAL_ERROR, "a KeyUpdate asks for new keys, which the kernel does not take");
    if (message_[4] == 1) owes_update_ = true;
    if (!in_.next_generation(*suite_, false)) break_down(SSL_AD_INTERNAL_ERROR, "no new keys");
}

}  // namespace weir::tls
