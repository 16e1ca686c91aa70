import Foundation

/// What the process takes of the machine.
enum ProcessUsage {
    /// The time that all threads computed so far, for the process and in the kernel for it.
    static var cpu: Duration {
        let usage = usage
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
    static var peakMebibytes: Double {
        #if os(Linux)
            let status = (try? String(contentsOfFile: "/proc/self/status", encoding: .utf8)) ?? ""
            let line = status.split(separator: "\n").first { $0.hasPrefix("VmHWM:") }
            if let kibibytes = line?.split(whereSeparator: \.isWhitespace).dropFirst().first.flatMap({ Double($0) }) {
                return kibibytes / 1_024
            }
            return Double(usage.ru_maxrss) / 1_024
        #else
            return Double(usage.ru_maxrss) / 1_048_576
        #endif
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
