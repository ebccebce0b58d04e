#pragma once
/// A small certificate authority for tests: makes keys and certificates, and writes them where weir can read them.
///
///     test_ca ca;
///     auto files = ca.issue({.names = {"a.test", "*.b.test", "127.0.0.1"}});
///     proxy weir{"listen 127.0.0.1:0 { tls { certificate " + files.certificate + " key=" + files.key + "; } ... }"};
///     // clients trust it by ca.file(); curl --cacert ... --resolve a.test:8443:127.0.0.1
///
/// An intermediate authority issues with its own certificate in the chain. All files lie in a directory of the CA's own
/// that is removed with it. Times are relative to the real clock, which OpenSSL uses too. Failures are std::runtime_error.
#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "lib/tls/certificate.hpp"
#include "lib/tls/openssl.hpp"

namespace weir::testing {

struct certificate_wish {
    std::vector<std::string> names = {"a.test"};  // in subjectAltName; an IP address goes there as such
    tls::key_kind key = tls::key_kind::ecdsa;     // P-256, or RSA; `other` is Ed25519
    unsigned rsa_bits = 2048;
    std::chrono::seconds valid_since = -std::chrono::hours{1};  // from now
    std::chrono::seconds valid_for = std::chrono::days{90};     // from now; negative: has expired
    std::string common_name = {};                               // empty: the first name
};

class test_ca {
public:
    explicit test_ca(const std::string& name = "weir test CA");
    /// One that `issuer` vouches for.
    test_ca(test_ca& issuer, const std::string& name);
    test_ca(const test_ca&) = delete;
    ~test_ca();

    /// The CA's own certificate, PEM.
    const std::string& file() const { return file_; }

    /// A new key and a certificate for it, in two files; the intermediate authority's certificate follows.
    tls::certificate_files issue(const certificate_wish& wish = {});

    /// An OCSP response (DER) by this CA that says "good" of the certificate in that file, from now until then.
    std::string staple_for(const std::string& certificate_file, std::chrono::seconds valid_for = std::chrono::days{7});

    /// A path in the CA's directory, and a file written there.
    std::string path(const std::string& name) const { return directory_ + "/" + name; }
    std::string write(const std::string& name, const std::string& text) const;

private:
    tls::x509_ptr sign(const std::string& common_name, const std::vector<std::string>& names, EVP_PKEY* key,
                       std::chrono::seconds since, std::chrono::seconds until, bool authority);

    std::string directory_;
    std::string file_;
    std::string chain_;  // PEM of what follows a leaf
    long serial_ = 1;
    tls::key_ptr key_;
    tls::x509_ptr certificate_;
};

/// The text of a file, to put several in one: a chain, a certificate with its key.
std::string file_text(const std::string& path);

}  // namespace weir::testing
