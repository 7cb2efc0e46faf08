#if Gateway
import Holdfast

/// The access log, in a file.
extension AccessLogConfiguration {
    /// The section `accessLog`.
    static func read(_ section: SectionReader) -> AccessLogConfiguration {
        var log = AccessLogConfiguration()
        log.path = section.text(
            "path", "path", allowed: "a path", unset: "the standard output", "The file that lines are added to."
        ) { $0.isEmpty ? nil : $0 }
        log.sample = section.share(
            "sample", default: log.sample, in: 0...1,
            "The share of requests that is logged. What failed or was retried is always logged, and what was rejected or replayed unless the two below say otherwise."
        )
        log.rejections = section.integer(
            "rejections", default: log.rejections, in: Self.counts,
            "Of how many rejections with the same problem one is logged; its line says `sampled`. The metrics count each."
        )
        log.rejectionsPerSecond = section.integer(
            "rejectionsPerSecond", default: log.rejectionsPerSecond, in: Self.counts,
            "How many rejections with the same problem have a line in a second; of those beyond one in 100 has, and says so in `sampled`. Whoever is rejected sends less than its line takes."
        )
        log.replays = section.integer(
            "replays", default: log.replays, in: Self.counts, "Of how many replays one is logged, in the same way.")
        log.begins = section.choice(
            "begins", default: log.begins,
            "Which requests have a line when they begin, too. `keyed`: those that were granted the claim of a key; what has a line at the beginning and none at the end was in flight when the process ended. `none`, because what is unknown tells its cause by itself, from the store (`holdfast keys list --state unknown`)."
        )
        if !section.isDescribing, let path = log.path {
            section.tellOfFolder(of: path, section.mark(of: "path"), "the access log cannot be opened", isAlone: true)
        }
        return log
    }
}
#endif
