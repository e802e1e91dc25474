package builtin

// PublicOnly is publicOnly for an address.
func PublicOnly(address string) error { return publicOnly("tcp", address, nil) }
