#include "lib/tls/session.hpp"

#include <openssl/err.h>

#include <algorithm>
#include <cstring>
#include <new>
#include <optional>
#include <utility>

namespace weir::tls {
namespace {

/// None if it is anything else than whole records that are sealed.
std::optional<std::uint64_t> count_sealed_records(std::string_view wire) noexcept {
    constexpr std::size_t header_bytes = 5;
    std::uint64_t count = 0;
    for (; !wire.empty(); ++count) {
        if (wire.size() < header_bytes || wire[0] != SSL3_RT_APPLICATION_DATA) return std::nullopt;
        const auto size = static_cast<std::size_t>(static_cast<unsigned char>(wire[3])) << 8 |
                          static_cast<std::size_t>(static_cast<unsigned char>(wire[4]));
        if (wire.size() < header_bytes + size) return std::nullopt;
        wire.remove_prefix(header_bytes + size);
    }
    return count;
}

}  // namespace

/// OpenSSL's side of a session's memory.
struct memory_bio {
    static session& of(BIO* bio) noexcept { return *static_cast<session*>(BIO_get_data(bio)); }

    static int read(BIO* bio, char* into, int size) noexcept {
        auto& s = of(bio);
        BIO_clear_retry_flags(bio);
        const auto wanted = static_cast<std::size_t>(size);
        std::size_t got = std::min(wanted, s.kept_.size() - s.kept_taken_);
        if (got > 0) {
            std::memcpy(into, s.kept_.data() + s.kept_taken_, got);
            s.kept_taken_ += got;
            if (s.kept_taken_ == s.kept_.size()) {
                release(s.kept_);
                s.kept_taken_ = 0;
            }
        } else if (s.wire_in_) {
            got = std::min(wanted, s.wire_in_->size());
            std::memcpy(into, s.wire_in_->data(), got);
            s.wire_in_->remove_prefix(got);
        }
        if (got > 0) return static_cast<int>(got);
        BIO_set_retry_read(bio);
        return -1;
    }
    static int write(BIO* bio, const char* bytes, int size) noexcept try {
        auto& s = of(bio);
        BIO_clear_retry_flags(bio);
        (s.wire_out_ ? *s.wire_out_ : s.own_).append(bytes, static_cast<std::size_t>(size));
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

session::session(ssl_ptr ssl, const loop& time, session_options how) : ssl_{std::move(ssl)}, time_{time}, how_{how} {
    auto* bio = BIO_new(memory_bio::method());
    if (!bio) throw std::bad_alloc{};
    BIO_set_data(bio, this);
    BIO_set_init(bio, 1);
    SSL_set_bio(ssl_.get(), bio, bio);
    if (!SSL_is_server(ssl_.get())) return;
    secrets_ = std::make_unique<traffic_secrets>();
    if (!secrets_->listen_to(ssl_.get())) secrets_.reset();
}

session::~session() = default;

session::step session::shake_hands(std::string& wire) {
    wire_out_ = &wire;
    ERR_clear_error();
    const int result = SSL_do_handshake(ssl_.get());
    const int why = result == 1 ? SSL_ERROR_NONE : SSL_get_error(ssl_.get(), result);
    wire_out_ = nullptr;
    if (why == SSL_ERROR_NONE) {
        handshaking_ = false;
        finish(wire);
        if (!kept_.empty()) own_ = std::exchange(wire, {});  // tickets, and a request is here already: with its answer
        return step::done;
    }
    if (why == SSL_ERROR_WANT_READ) return step::wants_bytes;
    break_down();
    return step::failed;
}

/// `sent`: in the last step of the handshake. By a server of TLS 1.3 that is what follows its Finished, tickets: the
/// client's Finished, with which the step begins, cannot be made before the server's is known.
void session::finish(std::string_view sent) {
    SSL* ssl = ssl_.get();
    facts_ = gather_facts(ssl, how_.tells_peer);
    if (secrets_) {
        traffic_secrets::forget(ssl);
        const auto count = count_sealed_records(sent);
        if (count && SSL_has_pending(ssl) == 0) records_ = record_layer::after_handshake(ssl, *secrets_, *count);
        secrets_.reset();
    }
    if (records_) ssl_ = ssl_ptr{};  // and the context
}

void session::break_down() {
    problem_ = explain_failure(ssl_.get());
    incoming_ = state::broken;
}

bool session::has_more() const noexcept {
    if (incoming_ != state::open) return false;
    return !kept_.empty() || (records_ ? records_->has_more() : SSL_pending(ssl_.get()) > 0);
}

std::size_t session::open(std::string_view& wire, std::span<char> space) noexcept {
    if (incoming_ != state::open) {
        wire = {};  // nothing more is of interest
        return 0;
    }
    if (records_) return open_records(wire, space);
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
        if (!declined) return 0;
        problem_ = "the client asked for renegotiation";
        incoming_ = state::broken;
    } else if (why == SSL_ERROR_ZERO_RETURN) {
        incoming_ = state::ended;
    } else {
        break_down();
    }
    release(kept_);
    wire = {};
    return 0;
}

std::size_t session::open_records(std::string_view& wire, std::span<char> space) {
    std::size_t made = 0;
    if (!kept_.empty()) {
        auto kept = std::string_view{kept_}.substr(kept_taken_);
        made = records_->open(kept, space);
        kept_taken_ = kept_.size() - kept.size();
        if (kept.empty()) {
            release(kept_);
            kept_taken_ = 0;
        }
    }
    if (made == 0) made = records_->open(wire, space);
    if (records_->incoming() == record_layer::state::ended) incoming_ = state::ended;
    if (records_->incoming() == record_layer::state::broken) {
        incoming_ = state::broken;
        problem_ = records_->problem();
    }
    return made;
}

/// Whether the next `bytes` go in small records.
bool session::begins_small(std::size_t bytes) noexcept {
    if (time_.now() - last_sent_ > rest) sent_in_one_go_ = 0;
    last_sent_ = time_.now();
    const bool small = sent_in_one_go_ < small_phase_bytes;
    sent_in_one_go_ += bytes;
    return small;
}

void session::set_record_size(bool small) noexcept {
    if (small == small_records_) return;
    small_records_ = small;
    const std::size_t most = small ? small_record_bytes : SSL3_RT_MAX_PLAIN_LENGTH;
    SSL_set_max_send_fragment(ssl_.get(), most);
    SSL_set_split_send_fragment(ssl_.get(), most);  // lowered with the other, but not raised
}

bool session::write(std::string_view bytes) {
    ERR_clear_error();
    while (!bytes.empty()) {  // a record each
        std::size_t written = 0;
        if (SSL_write_ex(ssl_.get(), bytes.data(), bytes.size(), &written) != 1) return false;
        bytes.remove_prefix(written);
    }
    return true;
}

bool session::seal(std::string_view first, std::string_view second, std::string& wire) {
    append_own(wire);
    const bool small = begins_small(first.size() + second.size());
    if (records_)
        return records_->seal(first, second, small ? small_record_bytes : record_layer::max_plain_bytes, wire);
    wire_out_ = &wire;
    set_record_size(small);
    const bool done = write(first) && write(second);
    wire_out_ = nullptr;
    if (!done && problem_.empty()) problem_ = explain_failure(ssl_.get());
    return done;
}

void session::seal_end(std::string& wire) {
    if (handshaking_) return;
    append_own(wire);
    if (records_) return records_->seal_end(wire);
    wire_out_ = &wire;
    ERR_clear_error();
    SSL_shutdown(ssl_.get());
    ERR_clear_error();
    wire_out_ = nullptr;
}

void session::append_own(std::string& wire) {
    wire.append(own_);
    release(own_);
    if (records_) records_->append_alert(wire);
}

bool session::seal_in_kernel(int descriptor) noexcept {
    if (!how_.may_use_kernel || !records_ || !own_.empty()) return false;
    how_.may_use_kernel = kernel_tls::is_there();
    return how_.may_use_kernel && records_->seal_in_kernel(descriptor);
}

}  // namespace weir::tls
