// HoldfastHTTP
