// HoldfastCommands
