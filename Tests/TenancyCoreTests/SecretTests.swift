import Foundation
import TenancyCore
import Testing

@Suite("Secrets")
struct SecretTests {
    private struct Config: Sendable {
        var user = "app"
        var password: Secret
        var fallback: Secret?
    }

    private enum Credentials {
        case none
        case password(Secret)
        case pair(user: String, Secret)
    }

    private struct Refusal: Error { let secret: Secret }

    private final class Holder {
        let secret: Secret
        init(_ secret: Secret) { self.secret = secret }
    }

    private func renderings(of value: Any) -> [String] {
        var dumped = ""
        dump(value, to: &dumped)
        var printed = ""
        print(value, to: &printed)
        var debugged = ""
        debugPrint(value, to: &debugged)
        let mirrored = Mirror(reflecting: value).children.map { "\($0.label ?? "") \($0.value)" }
        return ["\(value)", String(describing: value), String(reflecting: value), dumped, printed, debugged] + mirrored
    }

    @Test("No rendering shows a secret, however it is wrapped")
    func neverRendered() {
        let text = "hunter2"
        let secret = Secret(text)
        let wrapped: [Any] = [
            secret, [secret], ["key": secret], Optional(secret) as Any, (1, secret),
            Config(password: secret, fallback: secret), Optional(Config(password: secret)) as Any,
            Credentials.password(secret), Credentials.pair(user: "app", secret), Refusal(secret: secret),
            Refusal(secret: secret) as any Error, Result<Int, any Error>.failure(Refusal(secret: secret)),
            Holder(secret), Set([secret]), [secret: 1],
        ]
        for value in wrapped {
            for rendering in renderings(of: value) { #expect(!rendering.contains(text), "\(type(of: value))") }
        }
        #expect("\(secret)" == "<redacted>")
        #expect(Mirror(reflecting: secret).children.isEmpty)
        #expect(secret.reveal() == text)
    }

    @Test("The localized text of an error does not show the secret in it")
    func localized() {
        #expect(!Refusal(secret: Secret("hunter2")).localizedDescription.contains("hunter2"))
    }
}
