#if Gateway
import Foundation
import NIOCore

/// Hands an address over to a gateway that listens on it as well (`SO_REUSEPORT`), without losing a connection.
///
/// The kernel spreads new connections over all sockets that listen on an address, and closing one of them resets the
/// connections that it has not accepted yet. So the gateway that leaves first has the kernel send new connections to the
/// other (a classic BPF program, which needs no privilege), goes on accepting what was on its way, and closes when
/// nothing waits any longer.
///
/// The program answers with a socket's number. Sockets are numbered in the order in which they were bound, and when one
/// closes, the last takes its number. With two on the address, which is what a rolling restart has, the numbers are
/// certain; the program stays when the first is gone, and a number that nobody has means: any.
struct HandOver {
    /// What lets a gateway listen where another of the same user does.
    static let reusePort = NIOBSDSocket.Option(rawValue: CInt(SO_REUSEPORT))
    /// How long handshakes that began before may take to end.
    static let settleTime = TimeAmount.seconds(1)

    private let address: SocketAddress
    /// Who listened when this gateway had begun to, itself included.
    private let first: Set<Int>?

    init(_ address: SocketAddress) {
        self.address = address
        first = ListeningSockets.on(address)
    }

    /// The number of the socket that new connections go to; nil when nobody else listens.
    private var successor: UInt32? {
        // When the kernel does not tell, this gateway is taken for the older of two.
        guard let first, let now = ListeningSockets.on(address) else { return 1 }
        guard now.count > 1 else { return nil }
        // One that came later has the last number. Otherwise the other was there before, and has the first.
        return now.subtracting(first).isEmpty ? 0 : UInt32(now.count - 1)
    }

    /// Has new connections go to the other gateway.
    ///
    /// - Returns: Whether there is another.
    func begin(_ channel: any Channel) async -> Bool {
        guard let successor, let socket = channel as? any SocketOptionProvider else { return false }
        return await Kernel.attach(returning: successor, to: socket)
    }

    /// Returns when no connection waits to be accepted, or after a bound: without a successor, more may always come.
    static func accepted(_ channel: any Channel) async {
        guard let socket = channel as? any SocketOptionProvider else { return }
        let bound = NIODeadline.now() + settleTime
        while await Kernel.waiting(on: socket) > 0, NIODeadline.now() < bound {
            // The event loop accepts; each question waits for its turn there.
            try? await channel.eventLoop.scheduleTask(in: .milliseconds(1)) {}.futureResult.get()
        }
    }
}

/// What Linux alone can do. Elsewhere there is no successor, and nothing waits.
private enum Kernel {
    #if os(Linux)
    /// `struct sock_filter`
    private struct Instruction {
        var code: UInt16
        var jumpTrue: UInt8 = 0
        var jumpFalse: UInt8 = 0
        var operand: UInt32
    }

    /// `struct sock_fprog`
    private struct Program: @unchecked Sendable {
        var length: UInt16
        var instructions: UnsafeMutablePointer<Instruction>
    }

    /// The first 28 bytes of `struct tcp_info`. Of a socket that listens, the last word is how many connections wait.
    private struct TCPInfo: Sendable {
        var words: (UInt32, UInt32, UInt32, UInt32, UInt32, UInt32, UInt32) = (0, 0, 0, 0, 0, 0, 0)
    }

    private static let attachReuseportCBPF = NIOBSDSocket.Option(rawValue: 51)
    private static let tcpInfo = NIOBSDSocket.Option(rawValue: 11)
    /// `BPF_RET | BPF_K`
    private static let returnConstant: UInt16 = 0x06

    static func attach(returning number: UInt32, to socket: any SocketOptionProvider) async -> Bool {
        let instruction = UnsafeMutablePointer<Instruction>.allocate(capacity: 1)
        defer { instruction.deallocate() }
        instruction.initialize(to: Instruction(code: returnConstant, operand: number))
        let program = Program(length: 1, instructions: instruction)
        do {
            try await socket.unsafeSetSocketOption(level: .socket, name: attachReuseportCBPF, value: program).get()
            return true
        } catch {
            return false
        }
    }

    static func waiting(on socket: any SocketOptionProvider) async -> UInt32 {
        let info: TCPInfo? = try? await socket.unsafeGetSocketOption(level: .tcp, name: tcpInfo).get()
        return info?.words.6 ?? 0
    }
    #else
    static func attach(returning number: UInt32, to socket: any SocketOptionProvider) async -> Bool { false }
    static func waiting(on socket: any SocketOptionProvider) async -> UInt32 { 0 }
    #endif
}
#endif
