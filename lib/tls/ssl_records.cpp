#include "lib/tls/ssl_records.hpp"

#include <openssl/err.h>

#include <algorithm>
#include <cstring>
#include <new>
#include <utility>

namespace weir::tls {

/// What OpenSSL takes for its socket.
struct memory_bio {
    static ssl_records& of(BIO* bio) noexcept { return *static_cast<ssl_records*>(BIO_get_data(bio)); }

    static int read(BIO* bio, char* into, int size) noexcept {
        auto* const wire = of(bio).wire_in_;
        BIO_clear_retry_flags(bio);
        const auto got = wire ? std::min(static_cast<std::size_t>(size), wire->size()) : 0;
        if (got > 0) {
            std::memcpy(into, wire->data(), got);
            wire->remove_prefix(got);
            return static_cast<int>(got);
        }
        BIO_set_retry_read(bio);
        return -1;
    }
    static int write(BIO* bio, const char* bytes, int size) noexcept try {
        auto& self = of(bio);
        BIO_clear_retry_flags(bio);
        (self.wire_out_ ? *self.wire_out_ : self.own_).append(bytes, static_cast<std::size_t>(size));
        return size;
    } catch (const std::bad_alloc&) { return -1; }
    static long control(BIO*, int what, long, void*) noexcept { return what == BIO_CTRL_FLUSH ? 1 : 0; }

    static const BIO_METHOD* method() {
        static BIO_METHOD* const made = [] {
            auto* m = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "weir");
            BIO_meth_set_read(m, read);
            BIO_meth_set_write(m, write);
            BIO_meth_set_ctrl(m, control);
            return m;
        }();
        return made;
    }
};

ssl_records::ssl_records(ssl_ptr ssl) : ssl_{std::move(ssl)} {
    auto* bio = BIO_new(memory_bio::method());
    if (!bio) throw std::bad_alloc{};
    BIO_set_data(bio, this);
    BIO_set_init(bio, 1);
    SSL_set_bio(ssl_.get(), bio, bio);
}

ssl_records::step ssl_records::shake_hands(std::string_view& heard, std::string& answer) {
    wire_in_ = &heard;
    wire_out_ = &answer;
    ERR_clear_error();
    const int result = SSL_do_handshake(ssl_.get());
    const int why = result == 1 ? SSL_ERROR_NONE : SSL_get_error(ssl_.get(), result);
    wire_in_ = nullptr;
    wire_out_ = nullptr;
    if (why == SSL_ERROR_NONE) return step::done;
    if (why == SSL_ERROR_WANT_READ) return step::wants_bytes;
    break_with(explain_failure(ssl_.get()));
    return step::failed;
}

std::size_t ssl_records::open(std::string_view& wire, std::span<char> space) {
    wire_in_ = &wire;
    std::size_t made = 0;
    const auto said_before = own_.size();
    ERR_clear_error();
    const int result = SSL_read_ex(ssl_.get(), space.data(), space.size(), &made);
    const int why = result == 1 ? SSL_ERROR_NONE : SSL_get_error(ssl_.get(), result);
    wire_in_ = nullptr;
    if (why == SSL_ERROR_NONE) return made;
    if (why == SSL_ERROR_WANT_READ) {
        // All that a server of TLS 1.2 has to say here is that it does not renegotiate: a warning, which would go out with
        // the next answer, but the client asks for nothing before it is there.
        const bool declined =
            own_.size() > said_before && SSL_is_server(ssl_.get()) && SSL_version(ssl_.get()) < TLS1_3_VERSION;
        if (declined) break_with("the client asked for renegotiation");
    } else if (why == SSL_ERROR_ZERO_RETURN) {
        incoming_ = state::ended;
    } else {
        break_with(explain_failure(ssl_.get()));
    }
    if (incoming_ != state::open) wire = {};  // nothing more is of interest
    return 0;
}

void ssl_records::set_record_size(std::size_t most) noexcept {
    if (most == record_size_) return;
    record_size_ = most;
    SSL_set_max_send_fragment(ssl_.get(), most);
    SSL_set_split_send_fragment(ssl_.get(), most);  // lowered with the other, but not raised
}

bool ssl_records::write(std::string_view bytes) {
    ERR_clear_error();
    while (!bytes.empty()) {  // a record each
        std::size_t written = 0;
        if (SSL_write_ex(ssl_.get(), bytes.data(), bytes.size(), &written) != 1) return false;
        bytes.remove_prefix(written);
    }
    return true;
}

bool ssl_records::seal(std::string_view first, std::string_view second, std::size_t most, std::string& wire) {
    set_record_size(most);
    wire_out_ = &wire;
    const bool done = write(first) && write(second);
    wire_out_ = nullptr;
    if (!done && problem_.empty()) problem_ = explain_failure(ssl_.get());
    return done;
}

void ssl_records::seal_end(std::string& wire) {
    wire_out_ = &wire;
    ERR_clear_error();
    SSL_shutdown(ssl_.get());
    ERR_clear_error();
    wire_out_ = nullptr;
}

void ssl_records::append_own(std::string& wire) {
    wire.append(own_);
    release(own_);
}

}  // namespace weir::tls
