#include "proxy/template.hpp"

namespace weir {

namespace {

/// Of a certificate that is not known to be genuine, only the verdict is told: a server that looks at the subject alone
/// shall not be deceived.
std::string_view of_genuine(const tls_facts& client, const std::string& fact) {
    return client.client_verdict == "ok" ? std::string_view{fact} : std::string_view{};
}

}  // namespace

void expand(const conf::text_template& text, const request& r, std::string& out) {
    using variable = conf::text_template::variable;
    static const tls_facts plain;
    const auto& tls = r.tls ? *r.tls : plain;
    for (const auto& piece : text.pieces) {
        out += piece.literal;
        switch (piece.var) {
        case variable::none: break;
        case variable::host: out += r.head.host(); break;
        case variable::target: out.append(r.head.path()).append(r.head.query()); break;
        case variable::path: out += r.head.path(); break;
        case variable::client_address: r.client.peer().append_ip_to(out); break;
        case variable::request_id: out += r.id_text(); break;
        case variable::scheme: out += r.client.layer() ? "https" : "http"; break;
        case variable::sni: out += tls.sni; break;
        case variable::tls_version: out += tls.version; break;
        case variable::tls_cipher: out += tls.cipher; break;
        case variable::client_certificate_verdict: out += tls.client_verdict; break;
        case variable::client_certificate_subject: out += of_genuine(tls, tls.client_subject); break;
        case variable::client_certificate_fingerprint: out += of_genuine(tls, tls.client_fingerprint); break;
        case variable::client_certificate_serial: out += of_genuine(tls, tls.client_serial); break;
        }
    }
}

}  // namespace weir
