#pragma once
/// OpenSSL's client, and a server whose SSL has given way to a record_layer after their handshake.
///
///     record_ends both;
///     CHECK(both.server_reads(both.client.writes("hello")) == "hello");
///     CHECK(both.client.reads(both.server_seals("good day")) == "good day");
///     both.server_reads(both.forger().record(0x16, "..."));       // in the client's name
#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "lib/tls/record_layer.hpp"
#include "lib/tls/server_context.hpp"
#include "tests/support/certificates.hpp"
#include "tests/support/memory_client.hpp"

namespace weir::testing {

class record_ends {
public:
    struct suite {
        const char* name;
        const EVP_CIPHER* cipher;
        const EVP_MD* hash;
    };
    static std::vector<suite> suites() {
        return {{"TLS_AES_128_GCM_SHA256", EVP_aes_128_gcm(), EVP_sha256()},
                {"TLS_AES_256_GCM_SHA384", EVP_aes_256_gcm(), EVP_sha384()},
                {"TLS_CHACHA20_POLY1305_SHA256", EVP_chacha20_poly1305(), EVP_sha256()}};
    }

    explicit record_ends(const suite& with = suites().front(),
                         std::uint64_t per_key = tls::record_layer::records_per_key)
        : client{client_context(with)}, suite_{with} {
        const auto ssl = server(with)->new_session();
        REQUIRE(secrets_.listen_to(ssl.get()));
        SSL_set_bio(ssl.get(), BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
        std::string wire = client.begin();
        for (int i = 0; i < 3 && !wire.empty(); ++i) {
            BIO_write(SSL_get_rbio(ssl.get()), wire.data(), static_cast<int>(wire.size()));
            SSL_do_handshake(ssl.get());
            ERR_clear_error();
            std::string answer(BIO_ctrl_pending(SSL_get_wbio(ssl.get())), '\0');
            if (!answer.empty()) BIO_read(SSL_get_wbio(ssl.get()), answer.data(), static_cast<int>(answer.size()));
            wire = client.hears(answer);
        }
        REQUIRE((client.established() && SSL_is_init_finished(ssl.get())));
        constexpr std::uint64_t tickets = 0;
        records = tls::record_layer::after_handshake(ssl.get(), secrets_, tickets, per_key);
        REQUIRE(records);
    }

    /// All that can be opened of it, as it comes in slices and for as much space.
    std::string server_reads(std::string_view wire, std::size_t slice = std::string::npos,
                             std::size_t space = 32 * 1024) const {
        std::string text;
        std::vector<char> into(space);
        do {
            auto part = wire.substr(0, slice);
            wire.remove_prefix(part.size());
            while (const auto got = records->open(part, into)) text.append(into.data(), got);
            CHECK(part.empty());
        } while (!wire.empty());
        return text;
    }
    std::string server_seals(std::string_view first, std::string_view second = {}, std::size_t most = 16 * 1024) const {
        std::string wire;
        REQUIRE(records->seal(first, second, most, wire));
        return wire;
    }
    /// What the client makes of why the server gave up.
    std::string client_is_told() {
        std::string wire;
        records->append_own(wire);
        return client.reads(wire);
    }
    record_forger forger() const { return {secrets_.client, suite_.cipher, suite_.hash}; }

    memory_client client;
    std::unique_ptr<tls::record_layer> records;

private:
    static const tls::server_context* server(const suite& with) {
        static test_ca ca;
        static const auto files = ca.issue();
        static std::vector<std::pair<std::string, std::shared_ptr<const tls::server_context>>> made;
        const auto found = std::ranges::find(made, with.name, [](const auto& each) { return each.first; });
        if (found != made.end()) return found->second.get();
        tls::server_settings settings;
        settings.certificates = {files};
        settings.ciphersuites = with.name;
        settings.tickets = false;
        made.emplace_back(with.name,
                          tls::server_context::load(settings, nullptr, std::chrono::system_clock::now()).value());
        return made.back().second.get();
    }
    static SSL_CTX* client_context(const suite& with) {
        static const tls::ssl_ctx_ptr context{SSL_CTX_new(TLS_client_method())};
        REQUIRE(SSL_CTX_set_ciphersuites(context.get(), with.name) == 1);
        return context.get();
    }

    suite suite_;
    tls::traffic_secrets secrets_;
};

}  // namespace weir::testing
