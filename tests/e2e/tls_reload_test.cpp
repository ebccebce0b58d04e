/// Certificates that change while weir runs, and configurations whose files are not what they should be.
#include <csignal>
#include <filesystem>

#include "tests/e2e/proxy_fixture.hpp"
#include "tests/e2e/tls_client.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/certificates.hpp"

using namespace weir::testing;

namespace {

void copy(const std::string& from, const std::string& to) {
    std::filesystem::copy_file(from, to, std::filesystem::copy_options::overwrite_existing);
}

}  // namespace

TEST_CASE("tls reload: HUP takes new certificates over, and nothing that is wrong", "[e2e][tls]") {
    test_ca ca;
    origin_process web;
    const auto first = ca.issue({.names = {"a.test"}, .common_name = "first"});
    const auto second = ca.issue({.names = {"a.test"}, .common_name = "second"});
    const auto certificate = ca.path("live.pem"), key = ca.path("live.key");
    copy(first.certificate, certificate);
    copy(first.key, key);
    proxy weir{"listen 127.0.0.1:0 { tls { certificate " + certificate + " key=" + key +
               "; } route / web; } backend web { server " + web.address() + "; }"};
    tls_client before{weir.address()};
    CHECK(before.peer_subject() == "CN=first");
    REQUIRE(before.get("/bytes/5").status == 200);

    copy(second.certificate, certificate);  // its key does not follow yet
    weir.signal(SIGHUP);
    CHECK(weir.told("the old ones stay in use").contains("error"));
    CHECK(tls_client{weir.address()}.peer_subject() == "CN=first");

    copy(second.key, key);
    weir.signal(SIGHUP);
    CHECK(weir.told("TLS files read again").contains("info"));
    CHECK(tls_client{weir.address()}.peer_subject() == "CN=second");
    CHECK(before.get("/bytes/5").status == 200);                                // who was there stays
    CHECK(tls_client{weir.address(), {.resume = before.session()}}.resumed());  // and may resume
}

TEST_CASE("tls reload: weir -c reads the files, and points to the line that names a bad one", "[e2e][tls]") {
    test_ca ca;
    const auto good = ca.issue(), other = ca.issue();
    const auto expired = ca.issue({.valid_since = -std::chrono::days{9}, .valid_for = -std::chrono::days{2}});
    const scratch_directory here;
    const auto checked = [&](const std::string& certificate, const std::string& key) {
        const auto file =
            here.write("t.conf", "listen 127.0.0.1:0 {\n  tls {\n    certificate " + certificate + " key=" + key +
                                     ";\n  }\n  route / web;\n}\nbackend web { server 127.0.0.1:1; }\n");
        return run_weir({"-c", "-f", file});
    };
    CHECK(checked(good.certificate, good.key).status == 0);
    for (const auto& bad : {checked(good.certificate, other.key), checked(ca.path("none.pem"), good.key),
                            checked(expired.certificate, expired.key)}) {
        CHECK(bad.status == 2);
        CHECK(bad.errors.find("t.conf:3:") != std::string::npos);
        CHECK(bad.errors.find("error: ") != std::string::npos);
    }
}
