package store

// IsLabel says whether a space's name can be a label of a host name (RFC 1123, 2.1), in lower case.
func IsLabel(space string) bool {
	if len(space) < 3 || len(space) > 63 || space[0] == '-' || space[len(space)-1] == '-' {
		return false
	}
	for _, c := range []byte(space) {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' {
			return false
		}
	}
	return true
}
