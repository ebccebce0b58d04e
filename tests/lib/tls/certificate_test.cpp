#include "lib/tls/certificate.hpp"

#include "tests/support/catch.hpp"
#include "tests/support/certificates.hpp"

using namespace weir::tls;
using namespace weir::testing;
using namespace std::chrono_literals;

namespace {

wall_time now() { return std::chrono::system_clock::now(); }

struct outcome {
    std::optional<loaded_certificate> loaded;
    std::vector<std::string> errors;
};
outcome load(const certificate_files& files, wall_time when = now()) {
    outcome out;
    out.loaded = load_certificate(files, when, out.errors);
    CHECK(out.loaded.has_value() == out.errors.empty());
    return out;
}

}  // namespace

TEST_CASE("certificate: its facts are told", "[tls]") {
    test_ca ca;
    const auto files =
        ca.issue({.names = {"A.test", "*.b.test", "127.0.0.1"}, .valid_for = 48h, .common_name = "front"});
    const auto got = load(files);
    REQUIRE(got.loaded);
    const auto& facts = got.loaded->facts;
    CHECK(facts.file == files.certificate);
    CHECK(facts.subject == "CN=front");
    CHECK(facts.names == std::vector<std::string>{"a.test", "*.b.test"});
    CHECK(facts.kind == key_kind::ecdsa);
    CHECK(facts.bits == 256);
    CHECK(facts.serial == "02");
    CHECK(facts.fingerprint.size() == 64);
    CHECK(std::chrono::abs(facts.not_after - now() - 48h) < 1min);
    CHECK(std::chrono::abs(facts.not_before - now() + 1h) < 1min);

    const auto rsa = load(ca.issue({.names = {}, .key = key_kind::rsa, .common_name = "old.test"}));
    REQUIRE(rsa.loaded);
    CHECK(rsa.loaded->facts.names == std::vector<std::string>{"old.test"});
    CHECK(rsa.loaded->facts.kind == key_kind::rsa);
    CHECK(rsa.loaded->facts.bits == 2048);
}

TEST_CASE("certificate: key and certificate may share a file", "[tls]") {
    test_ca ca;
    const auto files = ca.issue();
    const auto both = ca.write("both.pem", file_text(files.key) + file_text(files.certificate));
    CHECK(load({both, "", ""}).loaded);
    CHECK(load({both, both, ""}).loaded);
}

TEST_CASE("certificate: an error names the file and says what was expected", "[tls]") {
    test_ca ca;
    const auto files = ca.issue();
    const auto other = ca.issue();
    const auto errors = [](const certificate_files& wrong) { return load(wrong).errors; };
    using lines = std::vector<std::string>;

    const auto missing = ca.path("missing.pem");
    CHECK(errors({missing, files.key, ""}) == lines{missing + ": cannot read it: no such file or directory"});
    CHECK(errors({files.certificate, missing, ""}) == lines{missing + ": cannot read it: no such file or directory"});
    CHECK(errors({missing, missing, ""}).size() == 2);
    const auto garbage = ca.write("garbage.pem", "this is\nno certificate\n");
    CHECK(errors({garbage, files.key, ""}) ==
          lines{garbage + ": no certificate in it; expected PEM, '-----BEGIN CERTIFICATE-----'"});
    CHECK(errors({files.certificate, garbage, ""}) ==
          lines{garbage + ": no private key in it; expected PEM, '-----BEGIN PRIVATE KEY-----'"});
    CHECK(errors({files.certificate, "", ""}) ==
          lines{files.certificate + ": no private key in it; expected PEM, '-----BEGIN PRIVATE KEY-----'"});
    CHECK(errors({files.certificate, other.key, ""}) ==
          lines{other.key + ": its key does not belong to the certificate of " + files.certificate});

    const auto damaged = ca.write("damaged.pem", file_text(files.certificate) + "-----BEGIN CERTIFICATE-----\nMIIB\n" +
                                                     "-----END CERTIFICATE-----\n");
    const auto told = errors({damaged, files.key, ""});
    REQUIRE(told.size() == 1);
    CHECK(told[0].starts_with(damaged + ": certificate 2 in it is damaged: "));

    const auto locked = ca.write("locked.key", "-----BEGIN ENCRYPTED PRIVATE KEY-----\n"
                                               "MIHsMFcGCSqGSIb3DQEFDTBKMCkGCSqGSIb3DQEFDDAcBAjIzkIPLT5nEwICCAAw\n"
                                               "DAYIKoZIhvcNAgkFADAdBglghkgBZQMEASoEEMqjqXJdvOlUN3dDPgOlLVwEgZC4\n"
                                               "sbGm8hMzq0oQf0pDJ3gGZ8o6m8p7Jt3qO1i0yJ6Y2l6l0Kq4s7r4hJc2s1Zy3u1H\n"
                                               "0yJmJr5b5c0b9sX6y3q9q8p7o6n5m4l3k2j1i0h9g8f7e6d5c4b3a2Z1Y0X9W8V7\n"
                                               "U6T5S4R3Q2P1O0N9M8L7K6J5I4H3G2F1E0D9C8B7A6z5y4x3w2v1u0t9s8r7q6p5\n"
                                               "-----END ENCRYPTED PRIVATE KEY-----\n");
    CHECK(errors({files.certificate, locked, ""}) ==
          lines{locked + ": its key is encrypted; expected one without a passphrase"});
}

TEST_CASE("certificate: one out of its time is refused, one near its end draws a warning", "[tls]") {
    test_ca ca;
    const auto files = ca.issue({.valid_for = std::chrono::days{30}});
    const auto end = load(files).loaded->facts.not_after;
    CHECK(load(files).loaded->warnings.empty());
    CHECK(load(files, end - std::chrono::days{14}).loaded->warnings.empty());
    CHECK(load(files, end - std::chrono::days{13}).loaded->warnings ==
          std::vector<std::string>{files.certificate + ": expires on " + day_of(end)});
    CHECK(load(files, end + 1s).errors == std::vector<std::string>{files.certificate + ": expired on " + day_of(end)});
    CHECK(load(files, now() - 2h).errors ==
          std::vector<std::string>{files.certificate + ": not valid before " + day_of(now() - 1h)});
    CHECK(day_of(wall_time{} + std::chrono::days{31}) == "1970-02-01");
}

TEST_CASE("certificate: the chain is kept in order, and a broken one draws a warning", "[tls]") {
    test_ca root{"root"};
    test_ca middle{root, "middle"};
    test_ca low{middle, "low"};
    const auto files = low.issue();
    const auto good = load(files);
    REQUIRE(good.loaded);
    CHECK(good.loaded->chain.size() == 2);
    CHECK(good.loaded->warnings.empty());

    const auto whole = file_text(files.certificate);
    const auto end = whole.find("-----BEGIN", 10);
    const auto first = whole.substr(0, end), rest = whole.substr(end);

    const auto backwards = low.write("backwards.pem", first + file_text(middle.file()) + file_text(low.file()));
    const auto turned = load({backwards, files.key, ""});
    REQUIRE(turned.loaded);
    CHECK(turned.loaded->warnings ==
          std::vector<std::string>{backwards +
                                   ": its chain is broken: 'CN=a.test' was not issued by the next, 'CN=middle'"});

    const auto late = low.write("late.pem", rest + first);
    CHECK(load({late, files.key, ""}).errors ==
          std::vector<std::string>{late + ": the certificate of the key must be the first in it"});
}

TEST_CASE("certificate: an OCSP response must be one, about this certificate, and in its time", "[tls]") {
    test_ca ca;
    const auto files = ca.issue();
    const auto with = [&](const std::string& ocsp, wall_time when = now()) {
        return load({files.certificate, files.key, ocsp}, when);
    };
    const auto staple = ca.staple_for(files.certificate, std::chrono::days{2});
    const auto good = with(staple);
    REQUIRE(good.loaded);
    CHECK(good.loaded->staple == file_text(staple));
    CHECK(good.loaded->warnings.empty());

    const auto until = *good.loaded->staple_until;
    const auto stale = with(staple, until);
    REQUIRE(stale.loaded);
    CHECK(stale.loaded->staple.empty());
    CHECK(stale.loaded->warnings ==
          std::vector<std::string>{staple + ": was good until " + day_of(until) + ", is not handed out"});

    const auto garbage = ca.write("garbage.der", "nothing");
    CHECK(with(garbage).errors == std::vector<std::string>{garbage + ": no OCSP response in it; expected DER"});
    const auto strange = ca.staple_for(ca.issue().certificate);
    CHECK(with(strange).errors ==
          std::vector<std::string>{strange + ": is not about the certificate of " + files.certificate});
    CHECK(with(ca.path("missing.der")).errors ==
          std::vector<std::string>{ca.path("missing.der") + ": cannot read it, or it is empty"});
    const auto late = ca.write("late.der", std::string{"\x30\x03\x0a\x01\x03", 5});
    CHECK(with(late).errors == std::vector<std::string>{late + ": the responder did not answer but said 'trylater'"});
}

TEST_CASE("certificate: authorities are all that a file holds", "[tls]") {
    test_ca one{"one"}, two{"two"};
    std::vector<std::string> errors;
    const auto both = one.write("both.pem", file_text(one.file()) + file_text(two.file()));
    CHECK(load_authorities(both, errors).size() == 2);
    CHECK(errors.empty());
    CHECK(load_authorities(one.path("missing.pem"), errors).empty());
    CHECK(errors.size() == 1);
}
