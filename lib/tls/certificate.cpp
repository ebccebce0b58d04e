#include "lib/tls/certificate.hpp"

#include <openssl/err.h>
#include <openssl/ocsp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <array>
#include <ctime>
#include <fstream>
#include <iterator>

namespace weir::tls {
namespace {

wall_time to_wall_time(const ASN1_TIME* time) {
    std::tm parts{};
    if (time == nullptr || ASN1_TIME_to_tm(time, &parts) != 1) return {};
    return std::chrono::system_clock::from_time_t(timegm(&parts));
}

std::string hex(const unsigned char* bytes, std::size_t count) {
    constexpr const char* digits = "0123456789abcdef";
    std::string text;
    text.reserve(2 * count);
    for (std::size_t i = 0; i < count; ++i) text.append({digits[bytes[i] >> 4], digits[bytes[i] & 15]});
    return text;
}

std::string text_of(const X509_NAME* name) {
    const bio_ptr out{BIO_new(BIO_s_mem())};
    X509_NAME_print_ex(out.get(), name, 0, XN_FLAG_RFC2253);
    char* data = nullptr;
    const long size = BIO_get_mem_data(out.get(), &data);
    return {data, static_cast<std::size_t>(size)};
}

std::string lower(const ASN1_STRING* text) {
    std::string out{reinterpret_cast<const char*>(ASN1_STRING_get0_data(text)),
                    static_cast<std::size_t>(ASN1_STRING_length(text))};
    for (char& c : out)
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    return out;
}

std::vector<std::string> names_of(X509* certificate) {
    std::vector<std::string> names;
    using names_ptr = openssl_ptr<GENERAL_NAMES, GENERAL_NAMES_free>;
    const names_ptr entries{
        static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr))};
    for (int i = 0; entries && i < sk_GENERAL_NAME_num(entries.get()); ++i) {
        const GENERAL_NAME* entry = sk_GENERAL_NAME_value(entries.get(), i);
        if (entry->type == GEN_DNS) names.push_back(lower(entry->d.dNSName));
    }
    if (!names.empty()) return names;
    const X509_NAME* subject = X509_get_subject_name(certificate);
    const int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
    if (at >= 0) names.push_back(lower(X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at))));
    return names;
}

std::string serial_of(const X509* certificate) {
    const openssl_ptr<BIGNUM, BN_free> number{ASN1_INTEGER_to_BN(X509_get0_serialNumber(certificate), nullptr)};
    char* digits = number ? BN_bn2hex(number.get()) : nullptr;
    std::string text = digits ? digits : "";
    OPENSSL_free(digits);
    return text;
}

/// Instead of OpenSSL's own, which would ask at the terminal.
int no_passphrase(char*, int, int, void* asked) {
    *static_cast<bool*>(asked) = true;
    return -1;
}

std::vector<x509_ptr> read_certificates(const std::string& file, std::vector<std::string>& errors) {
    std::vector<x509_ptr> found;
    const bio_ptr in{BIO_new_file(file.c_str(), "r")};
    if (!in) {
        errors.push_back(file + ": cannot read it: " + take_errors());
        return found;
    }
    ERR_clear_error();
    bool asked = false;
    while (x509_ptr next{PEM_read_bio_X509_AUX(in.get(), nullptr, no_passphrase, &asked)})
        found.push_back(std::move(next));
    const bool at_end = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
    const auto problem = take_errors();
    if (!at_end) {
        errors.push_back(file + ": certificate " + std::to_string(found.size() + 1) + " in it is damaged: " + problem);
        found.clear();
    } else if (found.empty()) {
        errors.push_back(file + ": no certificate in it; expected PEM, '-----BEGIN CERTIFICATE-----'");
    }
    return found;
}

key_ptr read_key(const std::string& file, std::vector<std::string>& errors) {
    const bio_ptr in{BIO_new_file(file.c_str(), "r")};
    if (!in) {
        errors.push_back(file + ": cannot read it: " + take_errors());
        return nullptr;
    }
    bool asked = false;
    key_ptr key{PEM_read_bio_PrivateKey(in.get(), nullptr, no_passphrase, &asked)};
    const auto problem = take_errors();
    if (asked) errors.push_back(file + ": its key is encrypted; expected one without a passphrase");
    else if (!key) errors.push_back(file + ": no private key in it; expected PEM, '-----BEGIN PRIVATE KEY-----'");
    return key;
}

using ocsp_response_ptr = openssl_ptr<OCSP_RESPONSE, OCSP_RESPONSE_free>;
using ocsp_basic_ptr = openssl_ptr<OCSP_BASICRESP, OCSP_BASICRESP_free>;

OCSP_SINGLERESP* answer_about(const X509* certificate, OCSP_BASICRESP* response) {
    for (int i = 0; i < OCSP_resp_count(response); ++i) {
        OCSP_SINGLERESP* answer = OCSP_resp_get0(response, i);
        ASN1_INTEGER* serial = nullptr;
        OCSP_id_get0_info(nullptr, nullptr, nullptr, &serial,
                          const_cast<OCSP_CERTID*>(OCSP_SINGLERESP_get0_id(answer)));
        if (ASN1_INTEGER_cmp(serial, X509_get0_serialNumber(certificate)) == 0) return answer;
    }
    return nullptr;
}

/// Its signature is for the clients to check: they know whom they trust.
void read_staple(const std::string& file, wall_time now, loaded_certificate& into, std::vector<std::string>& errors) {
    std::ifstream in{file, std::ios::binary};
    const std::string der{std::istreambuf_iterator<char>{in}, {}};
    if (!in.is_open() || in.bad() || der.empty()) {
        errors.push_back(file + ": cannot read it, or it is empty");
        return;
    }
    const auto* bytes = reinterpret_cast<const unsigned char*>(der.data());
    const ocsp_response_ptr response{d2i_OCSP_RESPONSE(nullptr, &bytes, static_cast<long>(der.size()))};
    if (!response) {
        errors.push_back(file + ": no OCSP response in it; expected DER");
    } else if (const int status = OCSP_response_status(response.get()); status != OCSP_RESPONSE_STATUS_SUCCESSFUL) {
        errors.push_back(file + ": the responder did not answer but said '" + OCSP_response_status_str(status) + "'");
    } else {
        const ocsp_basic_ptr basic{OCSP_response_get1_basic(response.get())};
        OCSP_SINGLERESP* answer = basic ? answer_about(into.leaf.get(), basic.get()) : nullptr;
        if (answer == nullptr) {
            errors.push_back(file + ": is not about the certificate of " + into.facts.file);
        } else {
            ASN1_GENERALIZEDTIME* until = nullptr;
            const int verdict = OCSP_single_get0_status(answer, nullptr, nullptr, nullptr, &until);
            if (verdict != V_OCSP_CERTSTATUS_GOOD)
                into.warnings.push_back(file + ": says that the certificate is " + OCSP_cert_status_str(verdict));
            if (until != nullptr) into.staple_until = to_wall_time(until);
            if (into.staple_until && *into.staple_until <= now)
                into.warnings.push_back(file + ": was good until " + day_of(*into.staple_until) +
                                        ", is not handed out");
            else into.staple = der;
        }
    }
    ERR_clear_error();
}

}  // namespace

certificate_facts describe(X509* certificate, std::string file) {
    certificate_facts facts;
    facts.file = std::move(file);
    facts.subject = text_of(X509_get_subject_name(certificate));
    facts.serial = serial_of(certificate);
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    unsigned size = 0;
    X509_digest(certificate, EVP_sha256(), digest.data(), &size);
    facts.fingerprint = hex(digest.data(), size);
    facts.names = names_of(certificate);
    facts.not_before = to_wall_time(X509_get0_notBefore(certificate));
    facts.not_after = to_wall_time(X509_get0_notAfter(certificate));
    if (const EVP_PKEY* key = X509_get0_pubkey(certificate)) {
        const int id = EVP_PKEY_get_base_id(key);
        facts.kind = id == EVP_PKEY_EC ? key_kind::ecdsa : id == EVP_PKEY_RSA ? key_kind::rsa : key_kind::other;
        facts.bits = static_cast<unsigned>(EVP_PKEY_get_bits(key));
    }
    ERR_clear_error();
    return facts;
}

std::string day_of(wall_time when) {
    const std::chrono::year_month_day day{std::chrono::floor<std::chrono::days>(when)};
    const auto two = [](unsigned n) { return (n < 10 ? "0" : "") + std::to_string(n); };
    return std::to_string(static_cast<int>(day.year())) + "-" + two(static_cast<unsigned>(day.month())) + "-" +
           two(static_cast<unsigned>(day.day()));
}

std::optional<loaded_certificate> load_certificate(const certificate_files& files, wall_time now,
                                                   std::vector<std::string>& errors) {
    const std::size_t errors_before = errors.size();
    const auto& key_file = files.key.empty() ? files.certificate : files.key;
    auto chain = read_certificates(files.certificate, errors);
    auto key = read_key(key_file, errors);
    if (chain.empty()) return std::nullopt;

    loaded_certificate loaded;
    loaded.facts = describe(chain.front().get(), files.certificate);
    loaded.leaf = std::move(chain.front());
    chain.erase(chain.begin());
    const auto& facts = loaded.facts;

    if (key && X509_check_private_key(loaded.leaf.get(), key.get()) != 1) {
        bool later = false;
        for (const auto& other : chain) later |= X509_check_private_key(other.get(), key.get()) == 1;
        errors.push_back(later ? files.certificate + ": the certificate of the key must be the first in it"
                               : key_file + ": its key does not belong to the certificate of " + files.certificate);
    }
    ERR_clear_error();
    if (facts.not_after < now) errors.push_back(facts.file + ": expired on " + day_of(facts.not_after));
    if (facts.not_before > now) errors.push_back(facts.file + ": not valid before " + day_of(facts.not_before));
    if (!files.ocsp.empty()) read_staple(files.ocsp, now, loaded, errors);
    if (errors.size() != errors_before) return std::nullopt;

    if (facts.not_after - now < near_expiry)
        loaded.warnings.push_back(facts.file + ": expires on " + day_of(facts.not_after));
    const X509* below = loaded.leaf.get();
    for (const auto& issuer : chain) {
        if (X509_check_issued(issuer.get(), const_cast<X509*>(below)) != X509_V_OK) {
            loaded.warnings.push_back(facts.file + ": its chain is broken: '" + text_of(X509_get_subject_name(below)) +
                                      "' was not issued by the next, '" + text_of(X509_get_subject_name(issuer.get())) +
                                      "'");
            break;
        }
        below = issuer.get();
    }
    loaded.key = std::move(key);
    loaded.chain = std::move(chain);
    return loaded;
}

std::vector<x509_ptr> load_authorities(const std::string& file, std::vector<std::string>& errors) {
    return read_certificates(file, errors);
}

}  // namespace weir::tls
