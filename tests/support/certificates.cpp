#include "tests/support/certificates.hpp"

#include <openssl/ec.h>
#include <openssl/ocsp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>

#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>

namespace weir::testing {
namespace {

using namespace tls;

[[noreturn]] void give_up(const std::string& doing) {
    throw std::runtime_error{"test_ca: " + doing + ": " + take_errors()};
}

key_ptr new_key(key_kind kind, unsigned rsa_bits) {
    EVP_PKEY* made = nullptr;
    switch (kind) {
    case key_kind::ecdsa: made = EVP_EC_gen("P-256"); break;
    case key_kind::rsa: made = EVP_RSA_gen(rsa_bits); break;
    case key_kind::other: made = EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"); break;
    }
    if (made == nullptr) give_up("make a key");
    return key_ptr{made};
}

template <class Write>
std::string pem(Write write) {
    const bio_ptr out{BIO_new(BIO_s_mem())};
    if (write(out.get()) != 1) give_up("write PEM");
    char* data = nullptr;
    const long size = BIO_get_mem_data(out.get(), &data);
    return {data, static_cast<std::size_t>(size)};
}
std::string pem_of(X509* certificate) {
    return pem([&](BIO* out) { return PEM_write_bio_X509(out, certificate); });
}
std::string pem_of(const EVP_PKEY* key) {
    return pem([&](BIO* out) { return PEM_write_bio_PrivateKey(out, key, nullptr, nullptr, 0, nullptr, nullptr); });
}

std::string alternative_names(const std::vector<std::string>& names) {
    std::string text;
    for (const auto& name : names) {
        const openssl_ptr<ASN1_OCTET_STRING, ASN1_OCTET_STRING_free> ip{a2i_IPADDRESS(name.c_str())};
        if (!text.empty()) text += ",";
        text += (ip ? "IP:" : "DNS:") + name;
    }
    return text;
}

void extend(X509* certificate, int nid, const std::string& value) {
    X509V3_CTX context{};
    X509V3_set_ctx(&context, nullptr, certificate, nullptr, nullptr, 0);
    using extension_ptr = openssl_ptr<X509_EXTENSION, X509_EXTENSION_free>;
    const extension_ptr extension{X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str())};
    if (!extension || X509_add_ext(certificate, extension.get(), -1) != 1) give_up("add an extension");
}

const EVP_MD* digest_for(const EVP_PKEY* key) { return EVP_PKEY_is_a(key, "ED25519") ? nullptr : EVP_sha256(); }

std::string new_directory() {
    char name[] = "/tmp/weir-ca-XXXXXX";
    if (mkdtemp(name) == nullptr) throw std::runtime_error{"test_ca: cannot make a directory in /tmp"};
    return name;
}

}  // namespace

test_ca::test_ca(const std::string& name) : directory_{new_directory()}, key_{new_key(key_kind::ecdsa, 0)} {
    certificate_ = sign(name, {}, key_.get(), -std::chrono::hours{1}, std::chrono::days{3650}, true);
    file_ = write("ca.pem", pem_of(certificate_.get()));
}

test_ca::test_ca(test_ca& issuer, const std::string& name)
    : directory_{new_directory()}, key_{new_key(key_kind::ecdsa, 0)} {
    certificate_ = issuer.sign(name, {}, key_.get(), -std::chrono::hours{1}, std::chrono::days{3650}, true);
    chain_ = pem_of(certificate_.get()) + issuer.chain_;
    file_ = write("ca.pem", pem_of(certificate_.get()));
}

test_ca::~test_ca() {
    std::error_code ignored;
    std::filesystem::remove_all(directory_, ignored);
}

x509_ptr test_ca::sign(const std::string& common_name, const std::vector<std::string>& names, EVP_PKEY* key,
                       std::chrono::seconds since, std::chrono::seconds until, bool authority) {
    x509_ptr made{X509_new()};
    X509* certificate = made.get();
    X509_set_version(certificate, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), serial_++);
    X509_gmtime_adj(X509_getm_notBefore(certificate), since.count());
    X509_gmtime_adj(X509_getm_notAfter(certificate), until.count());
    X509_set_pubkey(certificate, key);

    X509_NAME* subject = X509_get_subject_name(certificate);
    X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8, reinterpret_cast<const unsigned char*>(common_name.data()),
                               static_cast<int>(common_name.size()), -1, 0);
    X509_set_issuer_name(certificate, certificate_ ? X509_get_subject_name(certificate_.get()) : subject);
    extend(certificate, NID_basic_constraints, authority ? "critical,CA:TRUE" : "critical,CA:FALSE");
    extend(certificate, NID_key_usage,
           authority ? "critical,keyCertSign,cRLSign,digitalSignature" : "critical,digitalSignature");
    if (!names.empty()) extend(certificate, NID_subject_alt_name, alternative_names(names));
    if (X509_sign(certificate, key_.get(), digest_for(key_.get())) == 0) give_up("sign a certificate");
    return made;
}

certificate_files test_ca::issue(const certificate_wish& wish) {
    const auto key = new_key(wish.key, wish.rsa_bits);
    const auto number = std::to_string(serial_);
    const auto common_name = !wish.common_name.empty() ? wish.common_name
                             : !wish.names.empty()     ? wish.names.front()
                                                       : "nameless";
    const auto leaf = sign(common_name, wish.names, key.get(), wish.valid_since, wish.valid_for, false);
    return {.certificate = write(number + ".pem", pem_of(leaf.get()) + chain_),
            .key = write(number + ".key", pem_of(key.get())),
            .ocsp = {}};
}

std::string test_ca::staple_for(const std::string& certificate_file, std::chrono::seconds valid_for) {
    const bio_ptr in{BIO_new_file(certificate_file.c_str(), "r")};
    const x509_ptr leaf{in ? PEM_read_bio_X509(in.get(), nullptr, nullptr, nullptr) : nullptr};
    if (!leaf) give_up("read " + certificate_file);

    using time_ptr = openssl_ptr<ASN1_TIME, ASN1_TIME_free>;
    const time_ptr from{X509_gmtime_adj(nullptr, -std::chrono::seconds{std::chrono::days{8}}.count())};
    const time_ptr until{X509_gmtime_adj(nullptr, valid_for.count())};
    const openssl_ptr<OCSP_CERTID, OCSP_CERTID_free> id{OCSP_cert_to_id(EVP_sha1(), leaf.get(), certificate_.get())};
    const openssl_ptr<OCSP_BASICRESP, OCSP_BASICRESP_free> basic{OCSP_BASICRESP_new()};
    OCSP_basic_add1_status(basic.get(), id.get(), V_OCSP_CERTSTATUS_GOOD, 0, nullptr, from.get(), until.get());
    if (OCSP_basic_sign(basic.get(), certificate_.get(), key_.get(), EVP_sha256(), nullptr, 0) != 1)
        give_up("sign an OCSP response");
    const openssl_ptr<OCSP_RESPONSE, OCSP_RESPONSE_free> response{
        OCSP_response_create(OCSP_RESPONSE_STATUS_SUCCESSFUL, basic.get())};
    unsigned char* der = nullptr;
    const int size = i2d_OCSP_RESPONSE(response.get(), &der);
    if (size <= 0) give_up("encode an OCSP response");
    const std::string text{reinterpret_cast<const char*>(der), static_cast<std::size_t>(size)};
    OPENSSL_free(der);
    return write("ocsp" + std::to_string(serial_++) + ".der", text);
}

std::string test_ca::write(const std::string& name, const std::string& text) const {
    auto where = path(name);
    std::ofstream{where, std::ios::binary} << text;
    return where;
}

std::string file_text(const std::string& path) {
    std::ostringstream text;
    text << std::ifstream{path, std::ios::binary}.rdbuf();
    return text.str();
}

}  // namespace weir::testing
