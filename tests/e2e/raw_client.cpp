#include "tests/e2e/raw_client.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstring>
#include <stdexcept>
#include <utility>

namespace weir::testing {
namespace {

[[noreturn]] void fail(const std::string& doing) { throw std::runtime_error{doing + ": " + std::strerror(errno)}; }

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; }

bool same_name(std::string_view a, std::string_view b) {
    if (a.size() != b.size()) return false;
    for (std::size_t i = 0; i < a.size(); ++i)
        if (lower(a[i]) != lower(b[i])) return false;
    return true;
}

struct raw_address {
    sockaddr_storage storage{};
    socklen_t size = 0;
    sockaddr* get() { return reinterpret_cast<sockaddr*>(&storage); }
};

raw_address parse(const std::string& text) {
    raw_address at;
    if (text.starts_with("unix:")) {
        auto* name = reinterpret_cast<sockaddr_un*>(&at.storage);
        name->sun_family = AF_UNIX;
        text.copy(name->sun_path, sizeof name->sun_path - 1, 5);
        at.size = sizeof *name;
        return at;
    }
    const auto colon = text.rfind(':');
    const auto port = htons(static_cast<std::uint16_t>(std::stoi(text.substr(colon + 1))));
    if (text.starts_with('[')) {
        auto* v6 = reinterpret_cast<sockaddr_in6*>(&at.storage);
        v6->sin6_family = AF_INET6, v6->sin6_port = port, at.size = sizeof *v6;
        if (inet_pton(AF_INET6, text.substr(1, colon - 2).c_str(), &v6->sin6_addr) == 1) return at;
    } else {
        auto* v4 = reinterpret_cast<sockaddr_in*>(&at.storage);
        v4->sin_family = AF_INET, v4->sin_port = port, at.size = sizeof *v4;
        if (inet_pton(AF_INET, text.substr(0, colon).c_str(), &v4->sin_addr) == 1) return at;
    }
    throw std::runtime_error{"not an address: " + text};
}

void be_patient(int fd) {
    const timeval limit{patience_seconds, 0};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
}

/// A socket bound to a port of 127.0.0.1 that the kernel chooses.
int bound_socket(std::string& address) {
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    auto at = parse("127.0.0.1:0");
    if (fd < 0 || bind(fd, at.get(), at.size) != 0 || getsockname(fd, at.get(), &at.size) != 0) fail("bind");
    address = "127.0.0.1:" + std::to_string(ntohs(reinterpret_cast<sockaddr_in*>(&at.storage)->sin_port));
    return fd;
}

/// How an accepted descriptor is told from the text of an address.
constexpr std::string_view by_descriptor = "fd:";

}  // namespace

// ---- an answer ----

std::optional<std::string> http_answer::field(std::string_view name) const {
    std::optional<std::string> all;
    std::string_view rest = head;
    for (rest.remove_prefix(std::min(rest.size(), rest.find("\r\n") + 2)); rest.find("\r\n") != rest.npos;) {
        const auto line = rest.substr(0, rest.find("\r\n"));
        rest.remove_prefix(line.size() + 2);
        const auto colon = line.find(':');
        if (colon == line.npos || !same_name(line.substr(0, colon), name)) continue;
        auto value = line.substr(colon + 1);
        value.remove_prefix(std::min(value.size(), value.find_first_not_of(' ')));
        if (all) all->append(", ").append(value);
        else all = value;
    }
    return all;
}

std::string http_answer::why() const {
    constexpr std::string_view mark = "details=\"";
    const auto status = field("Proxy-Status").value_or("");
    const auto begin = status.find(mark);
    if (begin == status.npos) return {};
    const auto text = status.substr(begin + mark.size());
    return text.substr(0, text.find('"'));
}

bool http_answer::closes() const { return field("Connection").value_or("").contains("close"); }

// ---- the client ----

raw_client::raw_client(const std::string& address, int receive_buffer) {
    if (address.starts_with(by_descriptor)) {
        fd_ = std::stoi(address.substr(by_descriptor.size()));
        be_patient(fd_);
        return;
    }
    auto at = parse(address);
    fd_ = socket(at.storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd_ < 0) fail("socket");
    be_patient(fd_);
    if (receive_buffer > 0) setsockopt(fd_, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
    const int on = 1;
    setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (connect(fd_, at.get(), at.size) == 0) return;
    const int why = errno;
    close(fd_);
    errno = why;
    fail("connect to " + address);
}

raw_client::raw_client(raw_client&& other) noexcept
    : fd_{std::exchange(other.fd_, -1)}, in_{std::move(other.in_)}, ended_{other.ended_}, reset_{other.reset_} {}

bool raw_client::send(std::string_view bytes) {
    while (!bytes.empty()) {
        const auto n = write_some(bytes, MSG_NOSIGNAL);
        if (n > 0) bytes.remove_prefix(static_cast<std::size_t>(n));
        else if (errno == EAGAIN) throw std::runtime_error{"the peer takes no more bytes"};
        else if (errno != EINTR) return false;
    }
    return true;
}

std::size_t raw_client::send_what_fits(std::string_view bytes) {
    const auto n = write_some(bytes, MSG_NOSIGNAL | MSG_DONTWAIT);
    return n > 0 ? static_cast<std::size_t>(n) : 0;
}

void raw_client::finish_sending() { shutdown(fd_, SHUT_WR); }

void raw_client::hang_up() {
    if (fd_ >= 0) close(std::exchange(fd_, -1));
}

void raw_client::reset() {
    const linger at_once{1, 0};
    setsockopt(fd_, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    hang_up();
}

ssize_t raw_client::read_some(char* into, std::size_t n) { return recv(fd_, into, n, 0); }
ssize_t raw_client::write_some(std::string_view bytes, int flags) {
    return ::send(fd_, bytes.data(), bytes.size(), flags);
}

bool raw_client::receive() {
    if (ended_) return false;
    char buffer[65536];
    while (true) {
        const auto n = read_some(buffer, sizeof buffer);
        if (n > 0) {
            in_.append(buffer, static_cast<std::size_t>(n));
            return true;
        }
        if (n < 0 && errno == EINTR) continue;
        if (n < 0 && errno == EAGAIN) throw std::runtime_error{"nothing came; so far: '" + in_.substr(0, 300) + "'"};
        ended_ = true;
        reset_ = n < 0;
        return false;
    }
}

std::string raw_client::read_exactly(std::size_t n) {
    while (in_.size() < n && receive()) {}
    auto got = in_.substr(0, n);
    in_.erase(0, got.size());
    return got;
}

std::string raw_client::read_until(std::string_view mark) {
    std::size_t looked_at = 0;
    while (true) {
        if (const auto at = in_.find(mark, looked_at); at != in_.npos) return read_exactly(at + mark.size());
        looked_at = in_.size() < mark.size() ? 0 : in_.size() - mark.size() + 1;
        if (!receive()) return std::exchange(in_, {});
    }
}

std::string raw_client::read_all() {
    while (receive()) {}
    return std::exchange(in_, {});
}

bool raw_client::ended() {
    if (!in_.empty()) return false;
    return !receive() && !reset_;
}

http_answer raw_client::answer(std::string_view method) {
    http_answer got;
    while (true) {
        got.head = read_until("\r\n\r\n");
        if (!got.head.ends_with("\r\n\r\n") || !got.head.starts_with("HTTP/1.")) return got;
        std::from_chars(got.head.data() + 9, got.head.data() + 12, got.status);
        if (got.status >= 200 || got.status == 101) break;
        got.interim.push_back(std::exchange(got.head, {}));
        got.status = 0;
    }
    if (method == "HEAD" || got.status == 101 || got.status == 204 || got.status == 304) {
        got.whole = true;
    } else if (got.field("Transfer-Encoding") == "chunked") {
        read_chunks(got);
    } else if (const auto length = got.field("Content-Length")) {
        const auto n = std::stoull(*length);
        got.body = read_exactly(n);
        got.whole = got.body.size() == n;
    } else {
        got.body = read_all();
        got.whole = !reset_;
    }
    return got;
}

void raw_client::read_chunks(http_answer& into) {
    while (true) {
        const auto line = read_until("\r\n");
        std::size_t size = 0;
        const auto [end, problem] = std::from_chars(line.data(), line.data() + line.size(), size, 16);
        if (!line.ends_with("\r\n") || problem != std::errc{} || *end != '\r') return;
        if (size == 0) break;
        const auto data = read_exactly(size + 2);
        into.body.append(data, 0, size);
        if (data.size() != size + 2 || !data.ends_with("\r\n")) return;
    }
    while (true) {
        const auto line = read_until("\r\n");
        if (!line.ends_with("\r\n")) return;
        if (line == "\r\n") break;
        into.trailers += line;
    }
    into.whole = true;
}

http_answer raw_client::ask(std::string_view request, std::string_view method) {
    send(request);
    return answer(method);
}

http_answer raw_client::get(std::string_view target, std::string_view fields) {
    std::string request = "GET ";
    request.append(target).append(" HTTP/1.1\r\nHost: t\r\n").append(fields).append("\r\n");
    return ask(request);
}

http_answer get(const std::string& address, std::string_view target, std::string_view fields) {
    return raw_client{address}.get(target, fields);
}

long origin_count(const std::string& origin_address, std::string_view name) {
    const auto stats = get(origin_address, "/control/stats").body;
    const auto key = "\"" + std::string{name} + "\":";
    const auto at = stats.find(key);
    if (at == stats.npos) throw std::runtime_error{"no counter " + key + " in " + stats};
    return std::stol(stats.substr(at + key.size()));
}

std::string chunked(std::string_view bytes, std::size_t size) {
    std::string out;
    for (; !bytes.empty(); bytes.remove_prefix(std::min(size, bytes.size()))) {
        const auto piece = bytes.substr(0, size);
        char digits[16];
        const auto end = std::to_chars(digits, digits + sizeof digits, piece.size(), 16).ptr;
        out.append(digits, end).append("\r\n").append(piece).append("\r\n");
    }
    return out.append("0\r\n\r\n");
}

// ---- peers ----

closed_port::closed_port() : fd_{bound_socket(address_)} {}
closed_port::~closed_port() { close(fd_); }

raw_server::raw_server(int backlog) : fd_{bound_socket(address_)} {
    if (listen(fd_, backlog) != 0) fail("listen");
    be_patient(fd_);
}
raw_server::~raw_server() { close(fd_); }

raw_client raw_server::accept() {
    const int fd = ::accept4(fd_, nullptr, nullptr, SOCK_CLOEXEC);
    if (fd < 0) fail("nobody connected");
    return raw_client{std::string{by_descriptor} + std::to_string(fd)};
}

}  // namespace weir::testing
