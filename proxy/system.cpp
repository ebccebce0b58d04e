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
#include <limits>
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

/// Calls `then(folder, unified)` for our control group with that controller and those around it, of version 2 (`unified`) or 1.
/// In a container the path may be that of the host, which is not to be seen here: then the folder above, in the end the root, is
/// the container's own.
void each_group(const std::string& root, std::string_view controller, auto then) {
    std::ifstream groups{root + "/proc/self/cgroup"};
    for (std::string line; std::getline(groups, line);) {  // number:controllers:path
        const auto first = line.find(':'), second = line.find(':', first + 1);
        if (second == line.npos) continue;
        const auto controllers = line.substr(first + 1, second - first - 1);
        const bool unified = controllers.empty();
        const auto listed = std::string{","}.append(controller).append(",");
        if (!unified && ("," + controllers + ",").find(listed) == std::string::npos) continue;
        auto base = root + "/sys/fs/cgroup";
        if (!unified) base.append("/").append(controller);
        for (auto path = line.substr(second + 1);; path.resize(path.rfind('/'))) {
            if (path == "/") path.clear();
            then(base + path, unified);
            if (path.empty() || path.front() != '/') break;
        }
    }
}

/// Microseconds of processor time in so many microseconds; nothing: as much as there is.
struct cpu_quota {
    std::uint64_t quota = 0, period = 0;
};
std::optional<cpu_quota> quota_of(const std::string& group, bool unified) {
    cpu_quota found;
    if (unified) {
        std::ifstream file{group + "/cpu.max"};
        if (!(file >> found.quota >> found.period)) return std::nullopt;  // no number: `max`
    } else {
        const auto quota = number_in(group + "/cpu.cfs_quota_us"), period = number_in(group + "/cpu.cfs_period_us");
        if (!quota || !period || *quota > std::numeric_limits<std::int64_t>::max()) return std::nullopt;  // -1: none
        found = {*quota, *period};
    }
    if (found.period == 0) return std::nullopt;
    return found;
}

}  // namespace

unsigned usable_cores(const std::string& root) {
    cpu_set_t mine;
    std::uint64_t cores = 1;
    if (::sched_getaffinity(0, sizeof mine, &mine) == 0) cores = static_cast<std::uint64_t>(CPU_COUNT(&mine));
    each_group(root, "cpu", [&cores](const std::string& group, bool unified) {
        if (const auto found = quota_of(group, unified))
            cores = std::min(cores, (found->quota + found->period - 1) / found->period);
    });
    return std::max(1u, static_cast<unsigned>(cores));
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
    each_group(root, "memory", [&least](const std::string& group, bool unified) {
        const auto limit = number_in(group + (unified ? "/memory.max" : "/memory.limit_in_bytes"));
        if (limit) least = std::min(least.value_or(*limit), *limit);
    });
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
