import Foundation

/// Texts that C code may hold on to for as long as this lives.
final class CStrings {
    private let owned: [UnsafeMutablePointer<CChar>?]

    init(_ strings: [String]) { owned = strings.map { strdup($0) } }

    deinit { for pointer in owned { free(pointer) } }

    var pointers: [UnsafePointer<CChar>?] { owned.map { $0.map { UnsafePointer($0) } } }
}
