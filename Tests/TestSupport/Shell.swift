import Foundation

/// Commands for servers that the tests start.
public enum Shell {
    public struct Failure: Error, CustomStringConvertible {
        public let description: String
    }

    /// Runs a command to its end.
    public static func run(_ line: String) async throws {
        let status: Int32 = await withCheckedContinuation { continuation in
            DispatchQueue.global().async { continuation.resume(returning: spawn(line)) }
        }
        guard status == 0 else { throw Failure(description: "'\(line)' ended with \(status)") }
    }

    /// Has a command run when this process is gone, so that a server does not outlive its tests.
    public static func whenThisEnds(_ command: String) async throws {
        let parent = ProcessInfo.processInfo.processIdentifier
        try await run("setsid sh -c 'while kill -0 \(parent); do sleep 1; done; \(command)' &")
    }

    /// Waits until somebody listens, which a server in the background tells nobody of.
    public static func untilListening(_ port: Int) async throws {
        let line = "for try in $(seq 200); do (echo > /dev/tcp/127.0.0.1/\(port)) && exit 0; sleep 0.05; done; exit 1"
        try await run("(\(line))")
    }

    /// Foundation's `Process` would wait for whatever the command leaves running, too.
    private static func spawn(_ line: String) -> Int32 {
        var process: pid_t = 0
        // A server that inherited other tests' sockets would keep them open.
        let closing = "for file in /proc/$BASHPID/fd/*; do n=${file##*/}; [ $n -gt 2 ] && eval \"exec $n>&-\"; done"
        let words = ["/bin/bash", "-c", "exec >/dev/null 2>&1 </dev/null; \(closing); \(line)"]
        var arguments = words.map { word in strdup(word) } + [nil]
        defer { for argument in arguments { free(argument) } }
        guard posix_spawn(&process, "/bin/bash", nil, nil, &arguments, environ) == 0 else { return -1 }
        var status: Int32 = 0
        while waitpid(process, &status, 0) == -1 && errno == EINTR {}
        return status
    }
}
