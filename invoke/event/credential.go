package event

import (
	"slices"
	"strings"
)

// Credentials reports whether a header carries credentials, as its name shows: such headers are for the function that
// was called, and not for those that watch. The case of letters does not matter.
func Credentials(name string) bool {
	name = strings.Map(func(r rune) rune {
		if r == '_' {
			return '-' // what CGI makes of a hyphen
		}
		return toLower(r)
	}, name)
	switch name {
	case "cookie", "set-cookie", "x-functions-key", "ocp-apim-subscription-key", "eventgateway-lineage":
		return true
	}
	for _, part := range [...]string{"authorization", "token", "secret", "password", "apikey", "api-key", "jwt"} {
		if strings.Contains(name, part) {
			return true
		}
	}
	return false
}

// withoutCredentials returns a copy of the headers that may be shown.
func withoutCredentials(headers []Header) []Header {
	return slices.DeleteFunc(slices.Clone(headers), func(h Header) bool { return Credentials(h.Name) })
}
