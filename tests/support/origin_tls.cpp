#include "tests/support/origin_tls.hpp"

#include <stdexcept>
#include <string_view>

namespace origin {

using weir::testing::openssl_failed;

tls_side::tls_side(const tls_settings& wanted)
    : alpn_{weir::testing::alpn_on_the_wire(wanted.alpn)},
      context_{
          weir::testing::server_context(wanted.certificate, wanted.key.empty() ? wanted.certificate : wanted.key)} {
    auto* context = context_.get();
    if (wanted.max_version == "1.2") SSL_CTX_set_max_proto_version(context, TLS1_2_VERSION);
    else if (!wanted.max_version.empty() && wanted.max_version != "1.3")
        throw std::runtime_error{"TLS is 1.2 or 1.3, not " + wanted.max_version};
    constexpr std::string_view name = "origin";  // sessions of clients with certificates need one
    SSL_CTX_set_session_id_context(context, reinterpret_cast<const unsigned char*>(name.data()), name.size());
    if (!wanted.client_ca.empty()) {
        SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
        if (SSL_CTX_load_verify_file(context, wanted.client_ca.c_str()) != 1)
            openssl_failed("client CA " + wanted.client_ca);
        SSL_CTX_set_client_CA_list(context, SSL_load_client_CA_file(wanted.client_ca.c_str()));
    }
    if (alpn_.empty()) return;
    const auto choose = [](SSL*, const unsigned char** chosen, unsigned char* size, const unsigned char* offered,
                           unsigned offered_size, void* ours) {
        const auto& known = *static_cast<const std::string*>(ours);
        const int found = SSL_select_next_proto(const_cast<unsigned char**>(chosen), size,
                                                reinterpret_cast<const unsigned char*>(known.data()),
                                                static_cast<unsigned>(known.size()), offered, offered_size);
        return found == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
    };
    SSL_CTX_set_alpn_select_cb(context, choose, &alpn_);
}

std::string told_of(const weir::testing::tls_socket& peer) {
    auto* ssl = peer.ssl();
    std::string json = "{";
    const auto add = [&json](const char* key, std::string_view value) {
        json.append(json.size() > 1 ? ",\"" : "\"").append(key).append("\":\"").append(value).append("\"");
    };
    add("version", SSL_get_version(ssl));
    add("cipher", SSL_get_cipher_name(ssl));
    const char* sni = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
    add("sni", sni ? sni : "");
    const unsigned char* alpn = nullptr;
    unsigned size = 0;
    SSL_get0_alpn_selected(ssl, &alpn, &size);
    add("alpn", {reinterpret_cast<const char*>(alpn), size});
    const auto* certificate = SSL_get0_peer_certificate(ssl);
    add("client", certificate ? weir::testing::subject_of(*certificate) : "");
    return json + ",\"resumed\":" + (SSL_session_reused(ssl) ? "true" : "false") + "}\n";
}

}  // namespace origin
