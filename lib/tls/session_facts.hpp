#pragma once
/// What there is to tell of a handshake that is done, apart from OpenSSL's SSL, which need not live as long.
///
///     const auto facts = gather_facts(ssl, true);
///     log << facts.version << ' ' << facts.verdict.text();   // "TLSv1.3 ok"
///
/// Plain data.
#include <memory>
#include <optional>
#include <string>

#include "lib/async/loop.hpp"
#include "lib/tls/certificate.hpp"
#include "lib/tls/openssl.hpp"

namespace weir::tls {

/// What a server learned of its client's certificate.
struct client_verdict {
    bool presented = false;
    long result = X509_V_OK;  // or why it is not trusted
    /// "none", "ok", "failed:certificate has expired"
    std::string text() const;
};
client_verdict verdict_on_client(const SSL* ssl);
/// Facts of the peer's certificate; none when it presented none.
std::optional<certificate_facts> peer_certificate(const SSL* ssl);

struct session_facts {
    bool resumed = false;
    nanoseconds took{};        // from the first step to the last, on whichever thread
    const char* version = "";  // "TLSv1.3"; these two for ever
    const char* cipher = "";   // "TLS_AES_128_GCM_SHA256"
    std::string server_name;   // as the client wrote it; empty: none
    client_verdict verdict;
    std::unique_ptr<const certificate_facts> peer;  // null: it presented none, or nobody wants to know
};
/// `with_peer`: describes its certificate, too, which takes time and memory.
session_facts gather_facts(const SSL* ssl, bool with_peer);

}  // namespace weir::tls
