#include "lib/tls/traffic_secrets.hpp"

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/hmac.h>

#include <algorithm>
#include <cstring>

namespace weir::tls {
namespace {

int digit_of(char c) noexcept {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

int secrets_index() {
    static const int index = SSL_get_ex_new_index(0, nullptr, nullptr, nullptr, nullptr);
    return index;
}

/// A line of the key log: label, the client's random, the secret (draft-ietf-tls-keylogfile).
void on_key_log(const SSL* ssl, const char* text) {
    auto* secrets = static_cast<traffic_secrets*>(SSL_get_ex_data(ssl, secrets_index()));
    if (secrets == nullptr) return;
    const std::string_view line{text};
    const auto value = line.substr(line.rfind(' ') + 1);
    if (line.starts_with("CLIENT_TRAFFIC_SECRET_0 ")) secrets->client.read_hex(value);
    if (line.starts_with("SERVER_TRAFFIC_SECRET_0 ")) secrets->server.read_hex(value);
}

}  // namespace

traffic_secret::~traffic_secret() { OPENSSL_cleanse(bytes_.data(), bytes_.size()); }

void traffic_secret::read_hex(std::string_view text) noexcept {
    size_ = 0;
    if (text.size() % 2 != 0 || text.size() / 2 > bytes_.size()) return;
    for (std::size_t i = 0; i < text.size(); i += 2) {
        const int high = digit_of(text[i]), low = digit_of(text[i + 1]);
        if (high < 0 || low < 0) return;
        bytes_[i / 2] = static_cast<unsigned char>(high << 4 | low);
    }
    size_ = text.size() / 2;
}

bool traffic_secret::expand(const EVP_MD* hash, std::string_view label, std::span<unsigned char> into) const noexcept {
    constexpr std::string_view prefix = "tls13 ";
    std::array<unsigned char, 32> info{};
    auto end = info.begin();
    const auto add = [&end](std::size_t byte) { *end++ = static_cast<unsigned char>(byte); };
    if (prefix.size() + label.size() + 5 > info.size()) return false;
    add(into.size() >> 8);
    add(into.size() & 0xff);
    add(prefix.size() + label.size());
    end = std::ranges::copy(label, std::ranges::copy(prefix, end).out).out;
    add(0);  // the context's length
    add(1);  // HKDF's first step is all that is needed

    std::array<unsigned char, EVP_MAX_MD_SIZE> block{};
    unsigned size = 0;
    const auto* made = HMAC(hash, bytes_.data(), static_cast<int>(size_), info.data(),
                            static_cast<std::size_t>(end - info.begin()), block.data(), &size);
    const bool done = made != nullptr && into.size() <= size;
    if (done) std::copy_n(block.begin(), into.size(), into.begin());
    else ERR_clear_error();
    OPENSSL_cleanse(block.data(), block.size());
    return done;
}

bool traffic_secret::advance(const EVP_MD* hash) noexcept {
    traffic_secret next;
    next.size_ = size_;
    if (!expand(hash, "traffic upd", {next.bytes_.data(), next.size_})) return false;
    *this = next;
    return true;
}

void traffic_secrets::hear_of(SSL_CTX* context) { SSL_CTX_set_keylog_callback(context, on_key_log); }

bool traffic_secrets::listen_to(SSL* ssl) noexcept { return SSL_set_ex_data(ssl, secrets_index(), this) == 1; }

void traffic_secrets::forget(SSL* ssl) noexcept { SSL_set_ex_data(ssl, secrets_index(), nullptr); }

}  // namespace weir::tls
