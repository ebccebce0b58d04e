#pragma once
/// What servers and clients have in common when a context is made: versions, ciphers, curves, ALPN, certificates.
///
///     apply_protocol(context, settings.min_version, settings.ciphers, settings.ciphersuites, settings.curves, errors);
///
/// For the two context classes; each problem becomes a line in `errors` that begins with the setting or the file.
#include <string>
#include <vector>

#include "lib/tls/certificate.hpp"
#include "lib/tls/openssl.hpp"
#include "lib/tls/settings.hpp"

namespace weir::tls {

/// Also sets what weir wants of every session: no compression, no renegotiation, no buffer while idle.
void apply_protocol(SSL_CTX* context, version min_version, const std::string& ciphers, const std::string& ciphersuites,
                    const std::string& curves, std::vector<std::string>& errors);

/// The list as it goes over the wire (RFC 7301 3.1), each name after its length.
std::string alpn_on_the_wire(const std::vector<std::string>& protocols, std::vector<std::string>& errors);

/// Certificate, chain and key; OpenSSL keeps references. Fails on what the security level forbids.
void use_certificate(SSL_CTX* context, const loaded_certificate& certificate, std::vector<std::string>& errors);

/// Trust these, be they roots or not: whoever names an intermediate authority means it.
void trust(SSL_CTX* context, const std::vector<x509_ptr>& authorities);

}  // namespace weir::tls
