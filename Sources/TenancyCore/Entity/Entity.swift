/// A type whose values are records of tenants.
///
/// ```swift
/// struct Airport: Entity {
///     var id: String
///     var name: String
///     var altitude: Int?
///
///     static let schema = EntitySchema(
///         "airports", Airport.init,
///         .key("code", \.id), .field("name", \.name), .field("altitude", \.altitude))
/// }
/// ```
///
/// No field says whose a record is: the tenant is bound by the handle through which it is read or written.
public protocol Entity: Sendable, Identifiable where ID: KeyValue {
    /// How the type is stored.
    static var schema: EntitySchema<Self> { get }
}
