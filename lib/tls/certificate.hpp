#pragma once
/// Certificates and keys in PEM files: read, checked, described.
///
///     std::vector<std::string> errors;
///     auto loaded = load_certificate({.certificate = "api.pem", .key = "api.key"}, now, errors);
///     if (!loaded) ...    // errors: "api.key: does not belong to the certificate of api.pem"
///
/// A certificate file holds the server's own certificate first, then those that lead to a root, each issued by the
/// next; its key may be in the same file. Files are read with blocking calls: small, and at start or reload only.
/// A passphrase is never asked for. Pure but for the files; time is an argument.
#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lib/tls/openssl.hpp"
#include "lib/tls/settings.hpp"

namespace weir::tls {

using wall_time = std::chrono::system_clock::time_point;

enum class key_kind { ecdsa, rsa, other };

struct certificate_facts {
    std::string file;                // empty for a peer's
    std::string subject;             // as RFC 2253 has it: "CN=api.example.com,O=Example"
    std::string serial;              // hex, upper case
    std::string fingerprint;         // SHA-256 of the whole certificate, hex, lower case, no colons
    std::vector<std::string> names;  // lower case; dNSName entries, or the common name when there is no such entry
    wall_time not_before, not_after;
    key_kind kind = key_kind::other;
    unsigned bits = 0;  // of the key: 256, 2048
};
certificate_facts describe(X509* certificate, std::string file = {});

struct loaded_certificate {
    certificate_facts facts;
    x509_ptr leaf;
    key_ptr key;
    std::vector<x509_ptr> chain;  // as the file has it, without the leaf
    std::string staple;           // OCSP response, DER; empty: none, or one no longer valid
    std::optional<wall_time> staple_until;
    std::vector<std::string> warnings;  // each begins with its file
};

inline constexpr std::chrono::days near_expiry{14};  // from then on loading warns

/// None when something is wrong; `errors` then has a line for each thing, which begins with the file.
std::optional<loaded_certificate> load_certificate(const certificate_files& files, wall_time now,
                                                   std::vector<std::string>& errors);

/// All certificates of a PEM file of authorities; empty, with a line in `errors`, when there is none.
std::vector<x509_ptr> load_authorities(const std::string& file, std::vector<std::string>& errors);

/// "2026-11-27"
std::string day_of(wall_time when);

}  // namespace weir::tls
