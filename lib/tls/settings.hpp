#pragma once
/// What can be set for TLS, on the side of a server and of a client, with weir's defaults. Plain data, no OpenSSL.
///
/// Lists of ciphers, ciphersuites and curves are in OpenSSL's words, with ':' between them. The default ciphers of TLS
/// 1.2 are forward secret and authenticated, cheaper ones first: Mozilla's "intermediate" profile without finite-field
/// Diffie-Hellman. Those of TLS 1.3 are OpenSSL's three; AES-128 comes first, since it costs least. A server goes by its
/// own order, but a client that puts ChaCha20 first (it has no AES in hardware) gets that. Files are PEM unless said otherwise.
#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace weir::tls {

enum class version : std::uint8_t { tls12, tls13 };
enum class client_auth : std::uint8_t { off, optional, required };

inline constexpr const char* default_ciphers =
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:"
    "ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305";
inline constexpr const char* default_ciphersuites =
    "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256";
inline constexpr const char* default_curves = "X25519:P-256:P-384";

struct certificate_files {
    std::string certificate = {};  // the server's (client's) own first, then those that lead to a root
    std::string key = {};          // empty: in the file of the certificate
    std::string ocsp = {};         // empty: none; else an OCSP response (DER), handed to clients that ask for one
};

struct server_settings {
    std::vector<certificate_files> certificates = {};  // at least one
    bool refuse_unknown_names = false;                 // else they get the first certificate
    version min_version = version::tls12;
    std::string ciphers = default_ciphers;  // TLS 1.2
    std::string ciphersuites = {};          // TLS 1.3; empty: default_ciphersuites
    std::string curves = default_curves;
    std::vector<std::string> alpn = {};  // in order of preference; empty: none, whatever the client offers
    client_auth clients = client_auth::off;
    std::string client_ca = {};  // authorities whose clients are known; needed unless `clients` is off
    bool tickets = true;
    std::chrono::seconds ticket_lifetime = std::chrono::hours{12};
};

struct client_settings {
    bool verify = true;                  // the server's chain, validity and name
    std::string ca = {};                 // trusted authorities; empty: those of the system
    certificate_files certificate = {};  // ours, for servers that ask; its `certificate` empty: none
    version min_version = version::tls12;
    std::string ciphers = default_ciphers;
    std::string ciphersuites = {};
    std::string curves = default_curves;
    std::vector<std::string> alpn = {};  // empty: none offered
};

}  // namespace weir::tls
