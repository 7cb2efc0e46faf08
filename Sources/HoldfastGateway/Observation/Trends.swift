#if Gateway
import Holdfast
import HoldfastHTTP

/// What a gateway counted lately: for each route, each service and all together, one sample every five seconds of the last
/// ten minutes. It is what the page draws its lines from.
///
/// Memory is bounded. A line has at most ``seriesBound`` series, each with ``samples`` values of four bytes, which is 19 KB;
/// and there are at most 201 lines (100 routes, 100 services, all), which is 4 MB. A series in which there never was
/// anything takes nothing, so a quiet route costs half a kilobyte, and a busy one about five.
struct Trends: Sendable {
    /// How far two samples are apart: what a person takes for the same moment, and a sixth of Prometheus' usual pace.
    static let interval = Duration.seconds(5)
    /// How many samples are kept: ten minutes, in which somebody who is called has opened the page.
    static let samples = 120
    /// What each line has. The first are requests by class, the last rejections by reason; times are microseconds.
    static let series =
        RouteMetrics.classes + ["p50", "p99", "retries", "claims", "replays", "unknown", "budget"]
        + Problem.Kind.allCases.map(\.rawValue)
    static var seriesBound: Int { series.count }
    /// The most lines: as many as there are rows, and one for all.
    static let lineBound = 2 * GatewayState.rowBound + 1

    /// What a line is about.
    enum Subject: Sendable, Hashable {
        case all
        case service(String)
        case route(String)
    }

    typealias Reading = (subject: Subject, figures: TrendFigures)

    fileprivate struct Line {
        /// What had been counted by the sample before.
        var before = TrendFigures()
        /// In the order of ``Trends/series``; nil where there never was anything but zero.
        var columns = [[UInt32]?](repeating: nil, count: Trends.seriesBound)
    }

    private let start: MonotonicInstant
    private var lines: [Subject: Line] = [:]
    /// Whether there was a sample, by slot.
    private var taken = [Bool](repeating: false, count: samples)
    /// The latest sample's number: how many intervals after the start it was taken. 0 before there is one.
    private(set) var number = 0

    /// - Parameter start: When counting began.
    init(from start: MonotonicInstant) { self.start = start }

    /// When the next sample is to be taken.
    var due: MonotonicInstant { start.advanced(by: Self.interval * (number + 1)) }

    /// Takes a sample. What is not in it is forgotten; a second one within an interval is left out.
    ///
    /// After a pause of more than an interval (the machine slept) nobody knows when what was counted was counted: the
    /// samples between are marked as missing, and so is this one.
    mutating func take(_ readings: [Reading], at now: MonotonicInstant) {
        let reached = Int(start.duration(to: now).saturatingNanoseconds / Self.interval.saturatingNanoseconds)
        guard reached > number else { return }
        let isWhole = reached == number + 1
        for missed in max(number + 1, reached - Self.samples + 1)...reached { clear(missed % Self.samples) }
        number = reached
        taken[number % Self.samples] = isWhole
        var next: [Subject: Line] = [:]
        for reading in readings.prefix(Self.lineBound) {
            var line = lines[reading.subject] ?? Line()
            if isWhole { line.put(reading.figures, at: number % Self.samples) }
            line.before = reading.figures
            next[reading.subject] = line
        }
        lines = next
    }

    private mutating func clear(_ slot: Int) {
        taken[slot] = false
        for subject in lines.keys { lines[subject]?.clear(slot) }
    }

    /// What the latest sample says of a subject: what is not zero. Nil if it is missing.
    func latest(of subject: Subject) -> [(series: String, value: UInt32)]? {
        let slot = number % Self.samples
        guard taken[slot], let line = lines[subject] else { return nil }
        return zip(Self.series, line.columns).compactMap { name, column in
            guard let value = column?[slot], value != 0 else { return nil }
            return (name, value)
        }
    }

    /// The samples after this one, the oldest first.
    func report(after former: Int = 0) -> Report {
        let first = max(former + 1, number - Self.samples + 1, 1)
        let slots = first > number ? [] : (first...number).map { $0 % Self.samples }
        func told(_ subject: Subject) -> [String: [UInt32]] {
            guard let line = lines[subject] else { return [:] }
            var told: [String: [UInt32]] = [:]
            for (name, column) in zip(Self.series, line.columns) {
                guard let column else { continue }
                let values = slots.map { column[$0] }
                if values.contains(where: { $0 != 0 }) { told[name] = values }
            }
            return told
        }
        var report = Report(
            intervalSeconds: Int(Self.interval.components.seconds), number: number, count: slots.count,
            missing: slots.indices.filter { !taken[slots[$0]] }, all: told(.all))
        for subject in lines.keys {
            switch subject {
            case .all: break
            case .service(let name): report.services[name] = told(subject)
            case .route(let name): report.routes[name] = told(subject)
            }
        }
        return report
    }

    /// What `GET /api/trends` answers. Each series has `count` values; one that is not there is zero throughout.
    struct Report: Encodable, Equatable {
        let intervalSeconds: Int
        /// The latest sample's.
        let number: Int
        let count: Int
        /// Places, from 0 on, where there was no sample.
        let missing: [Int]
        let all: [String: [UInt32]]
        var services: [String: [String: [UInt32]]] = [:]
        var routes: [String: [String: [UInt32]]] = [:]
    }
}

extension Trends.Line {
    fileprivate mutating func put(_ figures: TrendFigures, at slot: Int) {
        let latency = figures.latency.since(before.latency)
        let values =
            zip(figures.statuses, before.statuses).map { $0 &- $1 }
            + [0.5, 0.99].map { Int(latency.quantile($0)?.rounded() ?? 0) }
            + [
                figures.retries &- before.retries, figures.claims &- before.claims, figures.replays &- before.replays,
                figures.unknown &- before.unknown, figures.budget,
            ] + zip(figures.rejections, before.rejections).map { $0 &- $1 }
        for (place, value) in values.enumerated() {
            if columns[place] == nil {
                guard value > 0 else { continue }
                columns[place] = [UInt32](repeating: 0, count: Trends.samples)
            }
            // A counter that was made anew counts from nothing.
            columns[place]?[slot] = UInt32(clamping: value)
        }
    }

    fileprivate mutating func clear(_ slot: Int) {
        for place in columns.indices where columns[place] != nil { columns[place]?[slot] = 0 }
    }
}
#endif
