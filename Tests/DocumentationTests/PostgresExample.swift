import Tenancy
import TenancyPostgres

/// The examples of the page on PostgreSQL. They name servers, so they are compiled here and not run.
func postgresExample(_ appPassword: Secret, _ ownerPassword: Secret) throws -> [Any] {
    let config = SDKConfig(
        database: try .postgres(
            url: "postgres://shop_app@db.example.com/shop?sslmode=verify-full",
            migration: .init(user: "shop_owner", password: ownerPassword)
        ) { $0.password = appPassword },
        entities: [Flight.self])

    let pooled = try PostgresConfiguration(url: "postgres://shop_app@pooler:6432/shop?pooling=transaction")
    let replicated = try PostgresConfiguration(
        url: "postgres://shop_app@primary/shop?replicas=replica-1:5432,replica-2:5432&maximum_replica_lag=5000")

    return [config, pooled, replicated]
}

func notificationExample(_ united: TenantHandle, refresh: (String) -> Void, refreshEverything: () -> Void) async throws
{
    let notifications = try PostgresNotifications(PostgresConfiguration(url: "postgres://shop_app@primary/shop"))
    for await event in try await notifications.listen(to: PostgresChannel("flights", of: united.id)) {
        switch event {
        case .payload(let key): refresh(key)
        case .gap: refreshEverything()
        }
    }
}
