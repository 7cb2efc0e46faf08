// HoldfastSQLite
