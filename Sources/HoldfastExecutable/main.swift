#if Gateway
import HoldfastCommands

await HoldfastCommand.runToTheEnd()
#else
// The command has no use without the gateway, which the package leaves out unless it is asked for.
print("holdfast was built without its gateway: build it with `swift build --traits Gateway`")
#endif
