/// What holds for the URL of any store.
package enum StoreURL {
    /// Whether a part of a password may stand where something else is read, because a character in it ends the password
    /// (`/`, `?`, `#`, `@`): then an error that quotes a host, a database or an option would quote the password.
    ///
    /// An `@` stands once at the most, before the first of the others; elsewhere it is written as `%40`.
    package static func mayMisplacePassword(_ url: String) -> Bool {
        guard let start = url.firstRange(of: "://")?.upperBound else { return true }
        let authority = url[start...].prefix { !"/?#".contains($0) }
        return authority.count { $0 == "@" } > 1 || url[authority.endIndex...].contains("@")
    }
}
