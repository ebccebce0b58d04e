#pragma once
/// A client and a server of TLS in one thread, joined by memory.
///
///     tls_pair pair{client->new_session("a.test", nullptr), server->new_session()};
///     REQUIRE(pair.shake_hands());
///     CHECK(pair.server_reads("hello"));               // after the client has written it
///
/// `why_client` and `why_server` tell, after a handshake that failed, how each saw it.
#include <array>
#include <string>
#include <string_view>

#include "lib/tls/openssl.hpp"

namespace weir::testing {

class tls_pair {
public:
    tls_pair(tls::ssl_ptr client, tls::ssl_ptr server) : client_{std::move(client)}, server_{std::move(server)} {
        // Each reads what the other wrote; SSL_set0_rbio and wbio take a reference each.
        BIO* to_server = BIO_new(BIO_s_mem());
        BIO* to_client = BIO_new(BIO_s_mem());
        BIO_set_mem_eof_return(to_server, -1);
        BIO_set_mem_eof_return(to_client, -1);
        BIO_up_ref(to_server);
        BIO_up_ref(to_client);
        SSL_set_bio(client_.get(), to_client, to_server);
        SSL_set_bio(server_.get(), to_server, to_client);
    }

    /// Both to the end; then one empty read each, so that tickets arrive.
    bool shake_hands() {
        bool client_done = false, server_done = false;
        while (!client_done || !server_done) {
            const bool client_waits = !step(client_.get(), client_done, why_client);
            const bool server_waits = !step(server_.get(), server_done, why_server);
            if (!why_client.empty() || !why_server.empty()) {
                step(client_.get(), client_done, why_client);  // an alert may have arrived
                break;
            }
            if (client_waits && server_waits && BIO_ctrl_pending(SSL_get_rbio(client_.get())) == 0 &&
                BIO_ctrl_pending(SSL_get_rbio(server_.get())) == 0)
                break;
        }
        if (client_done && why_client.empty()) read(client_.get(), why_client);
        if (server_done && why_server.empty()) read(server_.get(), why_server);
        return client_done && server_done && why_client.empty() && why_server.empty();
    }

    bool client_writes(std::string_view text) { return write(client_.get(), text); }
    bool server_writes(std::string_view text) { return write(server_.get(), text); }
    std::string client_reads() { return read(client_.get(), why_client); }
    std::string server_reads() { return read(server_.get(), why_server); }

    SSL* client() const { return client_.get(); }
    SSL* server() const { return server_.get(); }
    bool resumed() const { return SSL_session_reused(server()) == 1 && SSL_session_reused(client()) == 1; }
    std::string alpn() const {
        const unsigned char* name = nullptr;
        unsigned size = 0;
        SSL_get0_alpn_selected(client(), &name, &size);
        return {reinterpret_cast<const char*>(name), size};
    }

    std::string why_client, why_server;

private:
    static bool waits(SSL* ssl, int result) {
        const int code = SSL_get_error(ssl, result);
        return code == SSL_ERROR_WANT_READ || code == SSL_ERROR_WANT_WRITE;
    }
    /// Whether it is done or failed, and needs no more bytes.
    static bool step(SSL* ssl, bool& done, std::string& why) {
        if (done || !why.empty()) return true;
        const int result = SSL_do_handshake(ssl);
        done = result == 1;
        if (!done && waits(ssl, result)) return false;
        if (!done) why = tls::explain_failure(ssl);
        return true;
    }
    static bool write(SSL* ssl, std::string_view text) {
        return SSL_write(ssl, text.data(), static_cast<int>(text.size())) == static_cast<int>(text.size());
    }
    static std::string read(SSL* ssl, std::string& why) {
        std::string text;
        std::array<char, 4096> chunk{};
        while (true) {
            const int result = SSL_read(ssl, chunk.data(), chunk.size());
            if (result <= 0) {
                if (!waits(ssl, result)) why = tls::explain_failure(ssl);
                return text;
            }
            text.append(chunk.data(), static_cast<std::size_t>(result));
        }
    }

    tls::ssl_ptr client_, server_;
};

}  // namespace weir::testing
