#include "lib/tls/protocol.hpp"

#include <openssl/err.h>

#include <algorithm>
#include <string_view>

namespace weir::tls {
namespace {

/// The first item of a list with ':' that `known` does not know; empty when it knows all.
template <class Known>
std::string first_unknown(std::string_view list, Known known) {
    while (true) {
        const auto end = list.find(':');
        const std::string item{list.substr(0, end)};
        if (!known(item)) return item;
        if (end == list.npos) return {};
        list.remove_prefix(end + 1);
    }
}

/// OpenSSL skips ciphers it does not know as long as one is left, so each is asked for alone. What is no plain name
/// (`!aNULL`, `+HIGH`, `@STRENGTH`) only makes sense within the list.
bool cipher_known(SSL_CTX* scratch, const std::string& item) {
    if (item.empty()) return false;
    const bool plain = item.find_first_of("!+-@") != 0;
    const bool known = !plain || SSL_CTX_set_cipher_list(scratch, item.c_str()) == 1;
    ERR_clear_error();
    return known;
}

/// These it skips in any case.
bool suite_known(SSL_CTX* scratch, const std::string& item) {
    if (SSL_CTX_set_ciphersuites(scratch, item.c_str()) != 1) return false;
    const STACK_OF(SSL_CIPHER)* usable = SSL_CTX_get_ciphers(scratch);
    for (int i = 0; i < sk_SSL_CIPHER_num(usable); ++i)
        if (SSL_CIPHER_get_name(sk_SSL_CIPHER_value(usable, i)) == item) return true;
    return false;
}

void complain(std::vector<std::string>& errors, const char* setting, const std::string& list, const std::string& item) {
    errors.push_back(std::string{setting} + " '" + list + "': OpenSSL does not know '" + item + "'");
}

}  // namespace

void apply_protocol(SSL_CTX* context, version min_version, const std::string& ciphers, const std::string& ciphersuites,
                    const std::string& curves, std::vector<std::string>& errors) {
    SSL_CTX_set_min_proto_version(context, min_version == version::tls13 ? TLS1_3_VERSION : TLS1_2_VERSION);
    const auto& suites = ciphersuites.empty() ? std::string{default_ciphersuites} : ciphersuites;

    const auto odd_cipher = first_unknown(ciphers, [&](const auto& item) { return cipher_known(context, item); });
    if (!odd_cipher.empty() || SSL_CTX_set_cipher_list(context, ciphers.c_str()) != 1)
        complain(errors, "ciphers", ciphers, odd_cipher);
    const auto odd_suite = first_unknown(suites, [&](const auto& item) { return suite_known(context, item); });
    if (!odd_suite.empty() || SSL_CTX_set_ciphersuites(context, suites.c_str()) != 1)
        complain(errors, "ciphersuites", suites, odd_suite);
    if (SSL_CTX_set1_groups_list(context, curves.c_str()) != 1)
        complain(errors, "curves", curves, first_unknown(curves, [&](const auto& item) {
            return SSL_CTX_set1_groups_list(context, item.c_str()) == 1;
        }));
    ERR_clear_error();

    SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
    // Chains are sent as their files have them; OpenSSL would otherwise try to complete a lone certificate, by a
    // verification at each handshake.
    SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_NO_AUTO_CHAIN | SSL_MODE_ENABLE_PARTIAL_WRITE |
                                  SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
}

std::string alpn_on_the_wire(const std::vector<std::string>& protocols, std::vector<std::string>& errors) {
    std::string wire;
    for (const auto& protocol : protocols) {
        if (protocol.empty() || protocol.size() > 255) {
            errors.push_back("alpn: a name has 1 to 255 bytes, not " + std::to_string(protocol.size()));
            continue;
        }
        wire += static_cast<char>(protocol.size());
        wire += protocol;
    }
    return wire;
}

void use_certificate(SSL_CTX* context, const loaded_certificate& certificate, std::vector<std::string>& errors) {
    const openssl_ptr<STACK_OF(X509), free_stack> chain{sk_X509_new_null()};
    for (const auto& issuer : certificate.chain) sk_X509_push(chain.get(), issuer.get());
    if (SSL_CTX_use_cert_and_key(context, certificate.leaf.get(), certificate.key.get(), chain.get(), 1) != 1)
        errors.push_back(certificate.facts.file + ": OpenSSL refuses it: " + take_errors());
}

void trust(SSL_CTX* context, const std::vector<x509_ptr>& authorities) {
    X509_STORE* store = SSL_CTX_get_cert_store(context);
    for (const auto& authority : authorities) X509_STORE_add_cert(store, authority.get());
    X509_STORE_set_flags(store, X509_V_FLAG_PARTIAL_CHAIN);
}

}  // namespace weir::tls
