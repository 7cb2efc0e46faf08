// The claim's machine and its records are a part of this library for whoever imports it.
@_exported public import HoldfastMachines
