import TestSupport
import Testing

@testable import HoldfastMachines

/// Walks the bulkhead's queue beside a plain list, which is slow and plainly right.
@Suite struct BulkheadExplorationTests {
    private struct Node: Hashable {
        var machine: BulkheadMachine
        var running = 0
        /// Those who wait, in the order of their coming.
        var waiting: [BulkheadMachine.Waiter] = []
        /// Those who had their turn or left, and may be heard of once more.
        var gone: [BulkheadMachine.Waiter] = []
    }

    private func check(_ holds: Bool, _ claim: String, _ node: Node) {
        if !holds { Issue.record("\(claim): \(node)") }
    }

    private func successors(of node: Node) -> [(Node, isWay: Bool)] {
        let configuration = node.machine.configuration
        check(node.machine.inFlight == node.running, "places that nobody holds", node)
        check(node.running <= configuration.limit, "more than the limit", node)
        check(node.machine.waiting == node.waiting.count, "a queue that counts wrong", node)
        check(node.waiting.isEmpty || node.running == configuration.limit, "somebody waits while there is room", node)
        var next: [Node] = []
        for mayWait in [true, false] {
            var admitting = node
            switch admitting.machine.admit(mayWait: mayWait) {
            case .admitted:
                check(node.running < configuration.limit, "no room", node)
                admitting.running += 1
            case .queued(let waiter):
                check(mayWait && node.running == configuration.limit, "waits for nothing", node)
                check(node.waiting.count < configuration.queue, "the queue is full", node)
                admitting.waiting.append(waiter)
            case .rejected:
                check(node.running == configuration.limit, "room, and rejected", node)
                check(!mayWait || node.waiting.count == configuration.queue, "room to wait, and rejected", node)
            }
            next.append(admitting)
        }
        if node.running > 0 {
            var releasing = node
            let expected = configuration.order == .fifo ? node.waiting.first : node.waiting.last
            check(releasing.machine.release() == expected, "the place goes to another", node)
            if let expected {
                releasing.waiting.removeAll { $0 == expected }
                releasing.gone.append(expected)
            } else {
                releasing.running -= 1
            }
            next.append(releasing)
        }
        for waiter in node.waiting {
            var leaving = node
            leaving.machine.leave(waiter)
            leaving.waiting.removeAll { $0 == waiter }
            leaving.gone.append(waiter)
            next.append(leaving)
        }
        for waiter in node.gone {
            var late = node
            late.machine.leave(waiter)
            late.gone.removeAll { $0 == waiter }
            next.append(late)
        }
        return next.map { ($0, true) }
    }

    @Test(arguments: [BulkheadConfiguration.Order.fifo, .lifo])
    func `the queue serves who is next and nobody else`(order: BulkheadConfiguration.Order) {
        var configuration = BulkheadConfiguration()
        (configuration.limit, configuration.queue, configuration.order) = (2, 3, order)
        let walk = Walk(
            from: Node(machine: BulkheadMachine(configuration: configuration)), depth: 15, shape: { $0 },
            successors: successors)
        print("walked \(walk.nodes.count) states of a bulkhead, \(order.rawValue)")
        #expect(walk.nodes.count > 5_000, "the walk ended after \(walk.nodes.count) states")
    }
}
