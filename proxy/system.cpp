#include "proxy/system.hpp"

#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <sched.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <utility>

namespace weir {
namespace {

std::unexpected<std::string> system_failure(std::string what) {
    return std::unexpected{what + ": " + strerrordesc_np(errno)};
}

}  // namespace

unsigned usable_cores() {
    cpu_set_t mine;
    if (::sched_getaffinity(0, sizeof mine, &mine) != 0) return 1;
    return std::max(1u, static_cast<unsigned>(CPU_COUNT(&mine)));
}

unsigned raise_descriptor_limit() {
    rlimit limit{};
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    getrlimit(RLIMIT_NOFILE, &limit);
    return static_cast<unsigned>(std::min<rlim_t>(limit.rlim_cur, 10'000'000));
}

unsigned connections_for(unsigned descriptors, unsigned workers, unsigned listeners) {
    const unsigned reserve = 64 + workers * (32 + listeners) + descriptors / 50;
    return descriptors > reserve + 2 ? (descriptors - reserve) * 2 / 3 : 1;
}

pid_file::pid_file(pid_file&& other) noexcept : path_{std::exchange(other.path_, {})} {}
pid_file& pid_file::operator=(pid_file&& other) noexcept {
    std::swap(path_, other.path_);
    return *this;
}
pid_file::~pid_file() {
    if (!path_.empty() && read_pid(path_) == ::getpid()) ::unlink(path_.c_str());
}

std::expected<pid_file, std::string> pid_file::write(const std::string& path) {
    const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd < 0) return system_failure("cannot write pid file " + path);
    const auto text = std::to_string(::getpid()) + "\n";
    const bool whole = ::write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size());
    ::close(fd);
    if (!whole) return system_failure("cannot write pid file " + path);
    pid_file written;
    written.path_ = path;
    return written;
}

std::expected<int, std::string> read_pid(const std::string& path) {
    const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0) return system_failure("cannot read pid file " + path);
    char text[32];
    const auto got = ::read(fd, text, sizeof text);
    ::close(fd);
    int pid = 0;
    if (got > 0 && std::from_chars(text, text + got, pid).ec == std::errc{} && pid > 1) return pid;
    return std::unexpected{"no process id in pid file " + path};
}

std::expected<void, std::string> drop_privileges(const std::string& user, const std::string& group) {
    if (user.empty()) return {};
    errno = 0;
    const auto* who = ::getpwnam(user.c_str());
    if (!who) return std::unexpected{"no such user: " + user};
    auto gid = who->pw_gid;
    if (!group.empty()) {
        const auto* whose = ::getgrnam(group.c_str());
        if (!whose) return std::unexpected{"no such group: " + group};
        gid = whose->gr_gid;
    }
    const auto uid = who->pw_uid;
    if (::geteuid() == uid && ::getegid() == gid) return {};
    if (::setgroups(0, nullptr) != 0 || ::setresgid(gid, gid, gid) != 0 || ::setresuid(uid, uid, uid) != 0)
        return system_failure("cannot become user " + user);
    return {};
}

}  // namespace weir
