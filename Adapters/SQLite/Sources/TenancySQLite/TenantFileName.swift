import TenancyCore

/// The name of a tenant's file.
///
/// Ids differ by case and file systems may not, so an upper-case letter is written as `=` and its lower-case form,
/// which no id holds: two ids never share a name, whether or not the file system tells `A` from `a`.
enum TenantFileName {
    static let suffix = ".sqlite"

    static func of(_ tenant: TenantID) -> String {
        var name = ""
        for scalar in tenant.rawValue.unicodeScalars {
            if ("A"..."Z").contains(scalar) { name += "=" }
            name.unicodeScalars.append(scalar.properties.lowercaseMapping.unicodeScalars.first ?? scalar)
        }
        return name + suffix
    }
}
