#include "lib/tls/session_facts.hpp"

#include <utility>

namespace weir::tls {

std::string client_verdict::text() const {
    if (!presented) return "none";
    if (result == X509_V_OK) return "ok";
    return std::string{"failed:"} + X509_verify_cert_error_string(result);
}

client_verdict verdict_on_client(const SSL* ssl) {
    return {.presented = SSL_get0_peer_certificate(ssl) != nullptr, .result = SSL_get_verify_result(ssl)};
}

std::optional<certificate_facts> peer_certificate(const SSL* ssl) {
    X509* certificate = SSL_get0_peer_certificate(ssl);
    if (certificate == nullptr) return std::nullopt;
    return describe(certificate);
}

session_facts gather_facts(const SSL* ssl, bool with_peer) {
    session_facts facts;
    facts.resumed = SSL_session_reused(ssl) == 1;
    facts.version = SSL_get_version(ssl);
    facts.cipher = SSL_get_cipher_name(ssl);
    if (const char* name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name)) facts.server_name = name;
    facts.verdict = verdict_on_client(ssl);
    if (!with_peer) return facts;
    if (auto certificate = peer_certificate(ssl))
        facts.peer = std::make_unique<const certificate_facts>(std::move(*certificate));
    return facts;
}

}  // namespace weir::tls
