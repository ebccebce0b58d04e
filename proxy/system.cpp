#include "proxy/system.hpp"

#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>
#include <utility>

namespace weir {
namespace {

std::unexpected<std::string> system_failure(std::string what) {
    return std::unexpected{what + ": " + strerrordesc_np(errno)};
}

/// The number in a file that holds nothing else; nothing if it is not there or holds a word (`max`).
std::optional<std::uint64_t> number_in(const std::string& path) {
    std::uint64_t number = 0;
    if (std::ifstream file{path}; file >> number) return number;
    return std::nullopt;
}

std::optional<std::uint64_t> machine_memory(const std::string& root) {
    std::ifstream file{root + "/proc/meminfo"};
    std::string name;
    for (std::uint64_t kib = 0; file >> name >> kib; file.ignore(256, '\n'))
        if (name == "MemTotal:") return kib * 1024;
    return std::nullopt;
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

unsigned open_descriptors() {
    struct stat folder{};
    if (::stat("/proc/self/fd", &folder) == 0 && folder.st_size > 0) return static_cast<unsigned>(folder.st_size);
    std::error_code failed;  // before Linux 6.2 the size says nothing
    const std::filesystem::directory_iterator all{"/proc/self/fd", failed};
    return static_cast<unsigned>(std::distance(begin(all), end(all)));
}

std::uint64_t memory_used() {
    std::ifstream file{"/proc/self/statm"};
    std::uint64_t size = 0, resident = 0;
    file >> size >> resident;
    return resident * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

std::uint64_t memory_limit(const std::string& root) {
    std::optional<std::uint64_t> least = machine_memory(root);
    const auto consider = [&least](const std::string& path) {
        if (const auto limit = number_in(path)) least = std::min(least.value_or(*limit), *limit);
    };
    // A line is `number:controllers:path`. In a container the path may be that of the host, which is not to be seen here:
    // then the folder above, in the end the root, is the container's own.
    std::ifstream groups{root + "/proc/self/cgroup"};
    for (std::string line; std::getline(groups, line);) {
        const auto first = line.find(':'), second = line.find(':', first + 1);
        if (second == line.npos) continue;
        const auto controllers = line.substr(first + 1, second - first - 1);
        const bool unified = controllers.empty();
        if (!unified && ("," + controllers + ",").find(",memory,") == line.npos) continue;
        const auto base = root + "/sys/fs/cgroup" + (unified ? "" : "/memory");
        const auto file = unified ? "/memory.max" : "/memory.limit_in_bytes";
        for (auto path = line.substr(second + 1);; path.resize(path.rfind('/'))) {
            if (path == "/") path.clear();
            consider(base + path + file);
            if (path.empty() || path.front() != '/') break;
        }
    }
    return least.value_or(0);
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
