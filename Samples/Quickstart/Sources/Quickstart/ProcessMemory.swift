import Foundation

/// What the process takes of the machine.
enum ProcessMemory {
    /// The most memory that was resident at any time.
    static var peakMebibytes: Double {
        var usage = rusage()
        // glibc imports the constant as an enumeration, and counts in KiB; macOS as a number, and in bytes.
        #if canImport(Glibc)
            let (process, unit) = (RUSAGE_SELF.rawValue, 1_024.0)
        #else
            let (process, unit) = (RUSAGE_SELF, 1_048_576.0)
        #endif
        guard getrusage(process, &usage) == 0 else { return 0 }
        return Double(usage.ru_maxrss) / unit
    }
}
