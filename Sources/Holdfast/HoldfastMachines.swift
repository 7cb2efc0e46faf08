// The policies' machines and configurations are a part of this library for whoever imports it.
@_exported public import HoldfastMachines
