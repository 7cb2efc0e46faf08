// HoldfastTelemetry
