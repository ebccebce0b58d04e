#include "tests/support/origin_process.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cctype>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <stdexcept>

namespace weir::testing {

namespace {

[[noreturn]] void fail(const std::string& doing) { throw std::runtime_error{doing + ": " + std::strerror(errno)}; }

struct pipe_ends {
    int read = -1, write = -1;
    pipe_ends() {
        int both[2];
        if (pipe2(both, O_CLOEXEC) != 0) fail("pipe");
        read = both[0], write = both[1];
    }
};

std::vector<char*> as_argv(const std::vector<std::string>& words) {
    std::vector<char*> pointers;
    for (const auto& word : words) pointers.push_back(const_cast<char*>(word.c_str()));
    pointers.push_back(nullptr);
    return pointers;
}

}  // namespace

std::string program(const char* variable) {
    std::string path;
    if (const char* given = std::getenv(variable)) {
        path = given;
    } else {
        std::string_view name = variable;
        if (name.starts_with("WEIR_")) name.remove_prefix(5);
        path = "build/release/";
        for (const char c : name) path += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    }
    if (access(path.c_str(), X_OK) != 0) throw std::runtime_error{"no program " + path + " (set " + variable + ")"};
    return path;
}

std::uint16_t port_in(std::string_view line) {
    std::uint16_t port = 0;
    if (const auto colon = line.rfind(':'); colon != line.npos)
        std::from_chars(line.data() + colon + 1, line.data() + line.size(), port);
    return port;
}

child_process::child_process(std::vector<std::string> command, std::vector<std::string> environment) {
    start(command, environment);
    collector_ = std::thread{[this] { collect(); }};
}

child_process::~child_process() {
    if (!wait(milliseconds{0})) {
        signal(SIGTERM);
        if (!wait(std::chrono::seconds{2})) {
            signal(SIGKILL);
            wait(std::chrono::seconds{60});
        }
    }
    const std::uint64_t one = 1;
    [[maybe_unused]] const auto told = write(stop_fd_, &one, sizeof one);
    collector_.join();
    for (const int fd : {out_.fd, err_.fd, pid_fd_, stop_fd_}) close(fd);
}

void child_process::start(const std::vector<std::string>& command, const std::vector<std::string>& environment) {
    std::vector<std::string> variables = environment;  // first of a name wins, so ours stand before the inherited
    for (char** entry = environ; *entry; ++entry) variables.emplace_back(*entry);
    const auto argv = as_argv(command);
    const auto envp = as_argv(variables);
    const pipe_ends out, err, failed;

    const pid_t parent = getpid();
    pid_ = fork();
    if (pid_ < 0) fail("fork");
    if (pid_ == 0) {  // only async-signal-safe calls until exec: other threads may hold locks
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != parent) _exit(127);
        std::signal(SIGPIPE, SIG_DFL);
        dup2(out.write, STDOUT_FILENO);
        dup2(err.write, STDERR_FILENO);
        if (const int null = open("/dev/null", O_RDONLY); null >= 0) dup2(null, STDIN_FILENO);
        execvpe(argv[0], argv.data(), envp.data());
        const int why = errno;
        [[maybe_unused]] const auto told = write(failed.write, &why, sizeof why);
        _exit(127);
    }
    close(out.write), close(err.write), close(failed.write);
    out_.fd = out.read, err_.fd = err.read;

    int why = 0;  // the pipe closes by itself when exec succeeds
    const auto got = read(failed.read, &why, sizeof why);
    close(failed.read);
    if (got == sizeof why) {
        waitpid(pid_, nullptr, 0);
        close(out_.fd), close(err_.fd);
        errno = why;
        fail("start " + command.at(0));
    }
    pid_fd_ = static_cast<int>(syscall(SYS_pidfd_open, pid_, 0));
    stop_fd_ = eventfd(0, EFD_CLOEXEC);
    if (pid_fd_ < 0 || stop_fd_ < 0) fail("watch " + command.at(0));
}

void child_process::collect() {
    std::array<char, 65536> buffer;
    const auto take = [&](stream& from) {
        const auto n = read(from.fd, buffer.data(), buffer.size());
        if (n < 0 && errno == EINTR) return;
        const std::lock_guard lock{mutex_};
        if (n > 0) from.text.append(buffer.data(), static_cast<std::size_t>(n));
        else from.ended = true;
        arrived_.notify_all();
    };
    while (!out_.ended || !err_.ended) {  // only this thread writes `ended`
        std::array<pollfd, 3> fds{
            {{out_.ended ? -1 : out_.fd, POLLIN, 0}, {err_.ended ? -1 : err_.fd, POLLIN, 0}, {stop_fd_, POLLIN, 0}}};
        if (poll(fds.data(), fds.size(), -1) < 0) continue;
        if (fds[0].revents) take(out_);
        if (fds[1].revents) take(err_);
        if (fds[2].revents && !fds[0].revents && !fds[1].revents) return;  // a grandchild may hold the pipes for ever
    }
}

std::optional<std::string> child_process::find_line(stream& from, std::string_view text, milliseconds limit) {
    const auto end = std::chrono::steady_clock::now() + limit;
    std::unique_lock lock{mutex_};
    std::size_t begin = 0;  // of the first line not looked at
    while (true) {
        for (auto newline = from.text.find('\n', begin); newline != std::string::npos;
             newline = from.text.find('\n', begin)) {
            const auto line = std::string_view{from.text}.substr(begin, newline - begin);
            begin = newline + 1;
            if (line.find(text) != line.npos) return std::string{line};
        }
        if (from.ended) return std::nullopt;
        if (arrived_.wait_until(lock, end) == std::cv_status::timeout) return std::nullopt;
    }
}

std::optional<std::string> child_process::wait_for(std::string_view text, milliseconds limit) {
    return find_line(out_, text, limit);
}
std::optional<std::string> child_process::wait_for_error(std::string_view text, milliseconds limit) {
    return find_line(err_, text, limit);
}

std::optional<int> child_process::wait(milliseconds limit) {
    if (code_) return code_;
    const auto end = std::chrono::steady_clock::now() + limit;
    while (true) {
        const auto left = std::chrono::duration_cast<milliseconds>(end - std::chrono::steady_clock::now()).count();
        pollfd ended{pid_fd_, POLLIN, 0};
        const int ready = poll(&ended, 1, static_cast<int>(left > 0 ? left : 0));
        if (ready > 0) break;
        if (ready == 0) return std::nullopt;
    }
    int status = 0;
    if (waitpid(pid_, &status, 0) != pid_) return std::nullopt;
    code_ = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
    // Its last words may still be in the pipes; a grandchild that keeps them open shall not keep us.
    std::unique_lock lock{mutex_};
    arrived_.wait_for(lock, std::chrono::seconds{5}, [this] { return out_.ended && err_.ended; });
    return code_;
}

void child_process::signal(int number) const {
    if (!code_) kill(pid_, number);
}

std::string child_process::output() const {
    const std::lock_guard lock{mutex_};
    return out_.text;
}

std::string child_process::errors() const {
    const std::lock_guard lock{mutex_};
    return err_.text;
}

namespace {

std::vector<std::string> origin_command(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), program("WEIR_ORIGIN"));
    return arguments;
}

}  // namespace

origin_process::origin_process(std::vector<std::string> arguments)
    : child_process{origin_command(std::move(arguments))} {
    constexpr std::string_view announced = "listening on ";
    const auto line = wait_for(announced);
    if (!line) throw std::runtime_error{"the origin did not start: " + errors()};
    address_ = line->substr(line->find(announced) + announced.size());
}

}  // namespace weir::testing
