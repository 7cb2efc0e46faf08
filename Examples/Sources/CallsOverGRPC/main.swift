import GRPCCore
import GRPCInProcessTransport
import Holdfast
import Synchronization

// A service that fails once, is silent for one order, and is down for another. In one process, so nothing is listened on.

struct Text: MessageSerializer, MessageDeserializer {
    func serialize<Bytes: GRPCContiguousBytes>(_ message: String) -> Bytes { Bytes(message.utf8) }
    func deserialize<Bytes: GRPCContiguousBytes>(_ bytes: Bytes) -> String {
        bytes.withUnsafeBytes { String(decoding: $0, as: UTF8.self) }
    }
}

let method = MethodDescriptor(fullyQualifiedService: "payments.Ledger", method: "Charge")

final class Ledger: RegistrableRPCService {
    let calls = Atomic(0)

    func registerMethods<Transport: ServerTransport>(with router: inout RPCRouter<Transport>) {
        router.registerHandler(forMethod: method, deserializer: Text(), serializer: Text()) { [self] request, _ in
            let number = calls.add(1, ordering: .relaxed).newValue
            var order = ""
            for try await message in request.messages { order = message }
            if order == "down" || number == 1 { throw RPCError(code: .unavailable, message: "restarting") }
            // Nobody waits so long; the server waits for it when it ends.
            if order == "silent" { try await Task.sleep(for: .seconds(1)) }
            return StreamingServerResponse(single: ServerResponse(message: "charged \(order)"))
        }
    }
}

let transport = InProcessTransport()
let ledger = Ledger()
let breaker = try CircuitBreaker("payments", trip: .consecutiveFailures(4))

try await withGRPCServer(transport: transport.server, services: [ledger]) { _ in
    try await withGRPCClient(
        transport: transport.client, interceptors: [BreakerInterceptor(breaker: breaker)]
    ) { client in
        // Stands for the method of a generated client.
        let payments = try Payments { order, options in
            try await client.unary(
                request: ClientRequest(message: order), descriptor: method, serializer: Text(), deserializer: Text(),
                options: options
            ) { try $0.message }
        }

        // The first attempt meets a service that restarts.
        print(try await payments.charge("an order", key: .minted()))
        precondition(ledger.calls.load(ordering: .relaxed) == 2)

        // A service that is silent: each attempt is ended.
        do {
            print(try await payments.charge("silent", key: .minted()))
            preconditionFailure("it answered")
        } catch {
            guard case .timeout(let timeout) = ErrorMeaning(of: error) else { preconditionFailure("\(error)") }
            print("silent: \(timeout.limit)")
        }

        // A service that is down: the breaker opens, and its rejection is known through gRPC's error.
        for _ in 0..<4 { _ = try? await payments.charge("down", key: .minted()) }
        do {
            print(try await payments.charge("an order", key: .minted()))
            preconditionFailure("it was admitted")
        } catch {
            guard case .rejection(let rejection) = ErrorMeaning(of: error) else { preconditionFailure("\(error)") }
            print("rejected: \(rejection.explanation.policy.rawValue) '\(rejection.explanation.name)'")
        }
    }
}
