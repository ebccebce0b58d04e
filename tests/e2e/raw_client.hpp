#pragma once
/// A client that sends exactly the bytes it is told to, and says exactly what came back.
///
///     raw_client client{proxy.address()};
///     client.send("GET /bytes/5 HTTP/1.1\r\nHost: t\r\n\r\n");
///     const auto answer = client.answer();     // one whole response; interim ones before it are kept apart
///     CHECK(answer.status == 200);
///     CHECK(client.ended());                   // then the end of the stream, and nothing before it
///
/// Blocking, so that a test reads from top to bottom. What does not come within `patience` is a std::runtime_error:
/// the bound is there for broken programs only, no test depends on how long something takes.
#include <sys/types.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace weir::testing {

inline constexpr int patience_seconds = 20;

struct http_answer {
    int status = 0;                    ///< 0: the stream ended before a whole head
    std::string head;                  ///< as received, with its empty line
    std::string body;                  ///< without chunk framing
    std::string trailers;              ///< lines behind the last chunk
    bool whole = false;                ///< the body ended the way its head announced
    std::vector<std::string> interim;  ///< heads of the 1xx responses before it

    /// All values of the field, joined with ", "; nothing if there is none.
    std::optional<std::string> field(std::string_view name) const;
    bool has(std::string_view name) const { return field(name).has_value(); }
    /// The word in `details` of Proxy-Status; empty if there is none.
    std::string why() const;
    bool closes() const;  ///< Connection: close
};

class raw_client {
public:
    /// "127.0.0.1:80", "[::1]:80" or "unix:/path". `receive_buffer` in bytes, 0: the kernel's choice.
    explicit raw_client(const std::string& address, int receive_buffer = 0);
    raw_client(raw_client&& other) noexcept;
    raw_client& operator=(raw_client&&) = delete;
    virtual ~raw_client() { hang_up(); }

    /// False if the peer took not all of it because it has closed.
    bool send(std::string_view bytes);
    /// As much of `bytes` as the peer and the kernel take without waiting.
    std::size_t send_what_fits(std::string_view bytes);
    virtual void finish_sending();  ///< half-close
    void hang_up();                 ///< FIN, or RST if something is unread
    void reset();                   ///< RST

    std::string read_exactly(std::size_t n);        ///< fewer if the stream ends before
    std::string read_until(std::string_view mark);  ///< with the mark; all there is if the stream ends before
    std::string read_all();
    /// Waits for the end of the stream; true if it is an orderly one and no byte comes before it.
    bool ended();
    bool was_reset() const { return reset_; }

    http_answer answer(std::string_view method = "GET");
    http_answer ask(std::string_view request, std::string_view method = "GET");
    /// A GET with `Host: t` and these fields, each with its CRLF.
    http_answer get(std::string_view target, std::string_view fields = {});

protected:
    // How bytes go over the socket, where not as they are (tls_client.hpp): recv() and send(), with their errno.
    virtual ssize_t read_some(char* into, std::size_t n);
    virtual ssize_t write_some(std::string_view bytes, int flags);
    int descriptor() const { return fd_; }

private:
    bool receive();  ///< false: the stream has ended
    void read_chunks(http_answer& into);

    int fd_ = -1;
    std::string in_;
    bool ended_ = false, reset_ = false;
};

/// One GET on a connection of its own.
http_answer get(const std::string& address, std::string_view target, std::string_view fields = {});

/// A counter of the origin's /control/stats.
long origin_count(const std::string& origin_address, std::string_view name);

/// Bytes as the body of a chunked message, in chunks of `size`.
std::string chunked(std::string_view bytes, std::size_t size);

/// A port of 127.0.0.1 on which nobody listens as long as this lives: bound, but not listening.
class closed_port {
public:
    closed_port();
    closed_port(const closed_port&) = delete;
    ~closed_port();
    const std::string& address() const { return address_; }

private:
    std::string address_;  // before fd_: its initialiser fills it in
    int fd_;
};

/// Accepts connections in the kernel only and shows what comes: for peers that must see the very first bytes.
class raw_server {
public:
    explicit raw_server(int backlog = 16);
    raw_server(const raw_server&) = delete;
    ~raw_server();
    const std::string& address() const { return address_; }
    /// The next connection, as a client object: both ends speak alike.
    raw_client accept();

private:
    std::string address_;  // before fd_: its initialiser fills it in
    int fd_;
};

}  // namespace weir::testing
