#include "lib/tls/openssl.hpp"

#include <openssl/crypto.h>
#include <openssl/err.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <string_view>

namespace weir::tls {
namespace {

std::string words_of(unsigned long code) {
    if (ERR_SYSTEM_ERROR(code)) {
        std::string text = std::strerror(static_cast<int>(ERR_GET_REASON(code)));
        if (!text.empty() && text[0] >= 'A' && text[0] <= 'Z') text[0] = static_cast<char>(text[0] - 'A' + 'a');
        return text;
    }
    if (const char* reason = ERR_reason_error_string(code)) return reason;
    std::array<char, 64> text{};
    ERR_error_string_n(code, text.data(), text.size());
    return text.data();
}

/// An alert of the peer is queued as reason 1000 + its number: SSL_AD_REASON_OFFSET.
std::string alert_of(unsigned long code) {
    if (ERR_GET_LIB(code) != ERR_LIB_SSL) return {};
    const int reason = ERR_GET_REASON(code);
    if (reason <= SSL_AD_REASON_OFFSET || reason > SSL_AD_REASON_OFFSET + 255) return {};
    return name_of_alert(reason - SSL_AD_REASON_OFFSET);
}

}  // namespace

std::string take_errors() {
    const unsigned long first = ERR_peek_error();
    ERR_clear_error();
    return first == 0 ? std::string{} : words_of(first);
}

std::string explain_failure(const SSL* ssl) {
    const unsigned long first = ERR_peek_error();
    ERR_clear_error();
    if (first == 0) return "the peer closed the connection";
    if (const auto alert = alert_of(first); !alert.empty()) return "the peer sent alert " + alert;
    if (ERR_GET_LIB(first) == ERR_LIB_SSL && ERR_GET_REASON(first) == SSL_R_CERTIFICATE_VERIFY_FAILED)
        return std::string{"certificate refused: "} + X509_verify_cert_error_string(SSL_get_verify_result(ssl));
    return words_of(first);
}

std::string name_of_alert(int number) {
    std::string name = SSL_alert_desc_string_long(number);
    std::replace(name.begin(), name.end(), ' ', '_');
    return name;
}

std::string openssl_version() { return OpenSSL_version(OPENSSL_VERSION_STRING); }

}  // namespace weir::tls
