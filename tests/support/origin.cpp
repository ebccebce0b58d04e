/// The controllable origin server as a program; `origin --help` lists its options.
///
/// Its first line of output is "listening on ADDRESS", written once connections are accepted. TERM and INT end it.
#include <sys/resource.h>

#include <charconv>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <string>
#include <string_view>

#include "tests/support/origin_server.hpp"

namespace {

constexpr std::string_view help = R"(usage: origin [option]...
An HTTP (or plain TCP) server that misbehaves when asked to: by path, by query, or at run time by /control.

  --port N             0 (the default) takes a free one
  --address IP         127.0.0.1
  --unix PATH          listen on a Unix socket instead
  --name TEXT          what /id answers
  --default QUERY      faults for every request, as in 'delay=5ms&share=0.1'
  --idle-close TIME    close keep-alive connections idle for so long (1s, 200ms; a plain number is ms)
  --backlog N          of the listening socket, 4096
  --tls-cert FILE      speak TLS with this certificate (PEM, with its chain)
  --tls-key FILE       its key; in the same file unless given
  --tls-client-ca FILE clients need a certificate made by it
  --tls-alpn LIST      as in h2,http/1.1: choose the first of them that a client offers, refuse one that offers others
  --tls-max-version V  1.2 or 1.3
  --tcp-echo           plain TCP: send back what comes
  --tcp-discard        plain TCP: read only
  --tcp-digest         plain TCP: read, at the end answer the length and the FNV-1a sum
  --tcp-source BYTES   plain TCP: send so many bytes, then half-close
  --speak-first TEXT   begin each connection with this text

  --service QUERY      a server of known capacity, as in 'slots=8&mean=10ms&spread=lognormal'

Paths: /bytes/N /echo /upload /headers /upgrade /raw /id /tls
       /control /control/stats /control/seconds /control/reset /control/service /control/refuse /control/accept
Query: delay status fail silent noread nocontinue interim header chunked chunk trailers close version cut stall hard
       slow slice keepalive_timeout accept unasked101 hex base64 text keep share flap quick
Service: slots mean spread=fixed|exponential|lognormal cv slow seed
)";

[[noreturn]] void complain(const std::string& what) {
    std::fprintf(stderr, "origin: %s (see --help)\n", what.c_str());
    std::exit(2);
}

template <class Number>
Number number(std::string_view option, std::string_view text) {
    Number value{};
    const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (problem != std::errc{} || end != text.data() + text.size())
        complain(std::string{option} + " wants a number, not '" + std::string{text} + "'");
    return value;
}

origin::options read_options(int argc, char** argv) {
    origin::options chosen;
    for (int i = 1; i < argc; ++i) {
        const std::string_view option = argv[i];
        const auto value = [&] {
            if (i + 1 >= argc) complain(std::string{option} + " wants a value");
            return std::string_view{argv[++i]};
        };
        if (option == "--help") std::fputs(help.data(), stdout), std::exit(0);
        else if (option == "--port") chosen.port = number<std::uint16_t>(option, value());
        else if (option == "--address") chosen.address = value();
        else if (option == "--unix") chosen.unix_path = value();
        else if (option == "--name") chosen.name = value();
        else if (option == "--default") chosen.defaults = value();
        else if (option == "--service") chosen.service = value();
        else if (option == "--backlog") chosen.backlog = number<int>(option, value());
        else if (option == "--tcp-echo") chosen.speaks = origin::protocol::echo;
        else if (option == "--tcp-discard") chosen.speaks = origin::protocol::discard;
        else if (option == "--tcp-digest") chosen.speaks = origin::protocol::digest;
        else if (option == "--tcp-source")
            chosen.speaks = origin::protocol::source, chosen.source_bytes = number<std::uint64_t>(option, value());
        else if (option == "--tls-cert") chosen.tls.certificate = value();
        else if (option == "--tls-key") chosen.tls.key = value();
        else if (option == "--tls-client-ca") chosen.tls.client_ca = value();
        else if (option == "--tls-alpn") chosen.tls.alpn = value();
        else if (option == "--tls-max-version") chosen.tls.max_version = value();
        else if (option == "--speak-first") chosen.speak_first = value();
        else if (option == "--idle-close") {
            chosen.idle_close = origin::duration_of(value());
            if (chosen.idle_close.count() < 0) complain("--idle-close wants a time");
        } else complain("unknown option '" + std::string{option} + "'");
    }
    return chosen;
}

origin::server* running = nullptr;

}  // namespace

int main(int argc, char** argv) {
    const auto chosen = read_options(argc, argv);
    rlimit files{};
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    try {
        origin::server web{chosen};
        running = &web;
        std::signal(SIGPIPE, SIG_IGN);  // OpenSSL writes with write()
        for (const int number : {SIGTERM, SIGINT}) std::signal(number, [](int) { running->stop(); });
        std::printf("listening on %s\n", web.address().c_str());
        std::fflush(stdout);
        web.run();
    } catch (const std::exception& problem) {
        std::fprintf(stderr, "origin: %s\n", problem.what());
        return 1;
    }
    return 0;
}
