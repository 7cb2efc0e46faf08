#if !Gateway

// Without the trait `Gateway` there is nothing here but these names, so that the compiler says what is missing.

@available(
    *, unavailable,
    message:
        "HoldfastCommands is empty without its trait: write .package(url: …, branch: \"main\", traits: [\"Gateway\"]) in your manifest"
)
public enum HoldfastCommand {
    public static func main() async {}
    public static func runToTheEnd() async {}
}
#endif
