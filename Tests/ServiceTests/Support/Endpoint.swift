import Foundation
import TestServers

/// The parts of an address that the C libraries want one by one.
struct Endpoint: Sendable {
    let host: String
    let port: Int
    let user: String
    let password: String
    let path: String

    init(_ address: String) throws {
        guard let url = URLComponents(string: address), let host = url.host, let port = url.port else {
            throw ServerFailure("not an address with a host and a port")
        }
        self.host = host
        self.port = port
        user = url.user ?? ""
        password = url.password ?? ""
        path = String(url.path.drop { $0 == "/" })
    }

    private init(host: String, port: Int, user: String, password: String, path: String) {
        self.host = host
        self.port = port
        self.user = user
        self.password = password
        self.path = path
    }

    /// The same account elsewhere, as a redirection demands.
    func moved(toHost host: String, port: Int) -> Endpoint {
        Endpoint(host: host, port: port, user: user, password: password, path: path)
    }
}
