import Foundation

/// What the process takes of the machine.
enum ProcessUsage {
    /// The time that all threads computed so far, for the process and in the kernel for it.
    static var cpu: Duration { computed(usage) }

    /// The same of the processes that were started by this one and have ended.
    static var childrenCPU: Duration {
        var usage = rusage()
        #if canImport(Glibc)
            getrusage(RUSAGE_CHILDREN.rawValue, &usage)
        #else
            getrusage(RUSAGE_CHILDREN, &usage)
        #endif
        return computed(usage)
    }

    private static func computed(_ usage: rusage) -> Duration {
        func duration(_ time: timeval) -> Duration { .seconds(time.tv_sec) + .microseconds(time.tv_usec) }
        return duration(usage.ru_utime) + duration(usage.ru_stime)
    }

    /// Lets ``peakMebibytes`` begin anew, where the system can.
    static func resetPeak() {
        #if os(Linux)
            if let file = FileHandle(forWritingAtPath: "/proc/self/clear_refs") {
                try? file.write(contentsOf: Data("5".utf8))
                try? file.close()
            }
        #endif
    }

    /// The most memory that was resident since ``resetPeak()``.
    static var peakMebibytes: Double { status("VmHWM:") ?? largestMebibytes }

    /// The memory that is resident now, or the most that ever was where the system doesn't tell.
    static var residentMebibytes: Double { status("VmRSS:") ?? largestMebibytes }

    private static var largestMebibytes: Double {
        #if os(Linux)
            Double(usage.ru_maxrss) / 1_024
        #else
            Double(usage.ru_maxrss) / 1_048_576
        #endif
    }

    private static func status(_ label: String) -> Double? {
        let status = (try? String(contentsOfFile: "/proc/self/status", encoding: .utf8)) ?? ""
        let line = status.split(separator: "\n").first { $0.hasPrefix(label) }
        return line?.split(whereSeparator: \.isWhitespace).dropFirst().first.flatMap { Double($0) }.map { $0 / 1_024 }
    }

    private static var usage: rusage {
        var usage = rusage()
        // glibc imports the constant as an enumeration.
        #if canImport(Glibc)
            getrusage(RUSAGE_SELF.rawValue, &usage)
        #else
            getrusage(RUSAGE_SELF, &usage)
        #endif
        return usage
    }
}
