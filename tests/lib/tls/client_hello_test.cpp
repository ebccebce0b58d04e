#include "lib/tls/client_hello.hpp"

#include "lib/tls/openssl.hpp"
#include "tests/support/property.hpp"

using namespace weir::tls;

namespace {

/// What OpenSSL's client sends first.
std::string real_hello(const char* name) {
    const ssl_ctx_ptr context{SSL_CTX_new(TLS_client_method())};
    const ssl_ptr ssl{SSL_new(context.get())};
    SSL_set_connect_state(ssl.get());
    if (name) SSL_set_tlsext_host_name(ssl.get(), name);
    SSL_set_alpn_protos(ssl.get(), reinterpret_cast<const unsigned char*>("\x02h2\x08http/1.1"), 12);
    BIO* out = BIO_new(BIO_s_mem());
    SSL_set_bio(ssl.get(), BIO_new(BIO_s_mem()), out);
    SSL_do_handshake(ssl.get());
    char* data = nullptr;
    const long size = BIO_get_mem_data(out, &data);
    return {data, static_cast<std::size_t>(size)};
}

}  // namespace

TEST_CASE("client hello: OpenSSL's own is understood", "[tls]") {
    client_hello hello;
    REQUIRE(parse_client_hello(real_hello("A.Example.Test"), hello) == hello_state::complete);
    CHECK(hello.server_name == "a.example.test");
    CHECK(hello.alpn == std::vector<std::string>{"h2", "http/1.1"});
    CHECK(hello.tls13);
    CHECK(hello.offers_ecdsa);
    CHECK_FALSE(hello.offers_resumption);
}
