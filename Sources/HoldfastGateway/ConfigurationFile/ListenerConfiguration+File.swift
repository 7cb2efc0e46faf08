#if Gateway
import Holdfast

extension ListenerConfiguration {
    /// Reads whom the listener believes.
    mutating func readTrust(_ section: SectionReader) {
        trusted = Self.ranges(
            section, "trusted",
            "The proxies in front: what they say of where a request comes from counts. Counted from the right, the first hop that is not among them is the client. From all others such fields are replaced or left out."
        )
        trustedFields = section.choice(
            "trustedFields", default: trustedFields,
            "Which fields of theirs count: `x-forwarded` is `X-Forwarded-For`, `-Proto` and `-Host`, `forwarded` is RFC 7239's. The others are left out: a proxy that writes one passes the other on as its clients sent it."
        )
        proxyProtocol = section.choice(
            "proxyProtocol", default: proxyProtocol,
            "Whether connections of `trusted` must begin with a header of the PROXY protocol, version 1 or 2. Others' must not."
        )
        if !section.has("trusted") {
            section.refuse(["trustedFields", "proxyProtocol"], because: "without trusted")
        }
        lineageFrom = Self.ranges(
            section, "lineageFrom",
            "Callers whose `holdfast-timeout` and `holdfast-attempt` count, by the client's address: layers that run Holdfast too. From all others they are replaced: a time that is chosen to end within an execution leaves an outcome that nobody knows."
        )
    }

    private static func ranges(_ section: SectionReader, _ name: String, _ meaning: String) -> [AddressRange] {
        let kind = SectionReader.Kind("range", "", allowed: AddressRange.allowed)
        let ranges = section.values(name, count: 1...256, of: kind, unset: "nobody", meaning) {
            scalar throws(ConfigurationError) in try AddressRange(scalar.text)
        }
        if let everybody = ranges?.first(where: \.isEverybody) {
            section.report.warning(
                section.mark(of: name), "\(section.fullName(name)) has \(everybody): whoever can connect is believed")
        }
        return ranges ?? []
    }
}
#endif
