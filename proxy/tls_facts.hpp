#pragma once
/// What there is to tell about the TLS connection that a request came by: filled once, after the handshake, and read for
/// $tls_version, $client_certificate_subject and the like (conf::text_template).
///
/// Plain data. Each text must be fit for a header field: whoever fills it in escapes what a certificate may hold, line
/// feeds above all. Belongs to the connection; a request only points at it.
#include <memory>
#include <string>

#include "conf/config.hpp"
#include "lib/net/byte_stream.hpp"
#include "lib/telemetry/access_log.hpp"

namespace weir {

struct tls_facts {
    std::string sni;      // the name that was asked for, lower case; empty: none
    std::string version;  // "TLSv1.3"
    std::string cipher;   // "TLS_AES_128_GCM_SHA256"

    // Of the client's certificate
    std::string client_verdict = "none";  // "none", "ok", "failed:certificate has expired"
    std::string client_subject;           // as RFC 4514 writes it: "CN=alice,O=Example"
    std::string client_fingerprint;       // SHA-256 of all of it, lower case hex
    std::string client_serial;            // hex
};

/// Of a connection whose handshake is done.
std::unique_ptr<tls_facts> facts_of(const byte_stream& client);
/// For the access log, which gets them without; nothing for a plain connection.
void tell_tls(access_record& line, const byte_stream& client) noexcept;
/// Does any header action of the listener's routes tell of them? Else they need not be gathered.
bool tells_tls_facts(const conf::listener& settings);

}  // namespace weir
