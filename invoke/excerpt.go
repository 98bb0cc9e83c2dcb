package invoke

import (
	"errors"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/event-gateway/event-gateway/store"
)

const (
	maxCause  = 300      // bytes of what others say go to the log
	maxSought = 64 << 10 // bytes of it are looked through
)

// excerpt makes an error for the log of text that may come from outside: short, printable, and without secrets that it repeats.
func excerpt(text string, secrets ...string) error {
	text = masked(text[:min(len(text), maxSought)], secrets)
	text = text[:min(len(text), maxCause)]
	return errors.New(strings.TrimSpace(strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, text)))
}

// masked returns text with the secrets masked, however they are quoted there, and whatever looks like a signed token.
func masked(text string, secrets []string) string {
	longestFirst := func(a, b string) int { return len(b) - len(a) } // one may be a part of another
	for _, secret := range slices.SortedFunc(slices.Values(secrets), longestFirst) {
		if len(secret) > 4 { // no real one is that short; one such as "test" would make every text unreadable
			quoted := strconv.Quote(secret)
			text = strings.NewReplacer(secret, store.Masked, quoted[1:len(quoted)-1], store.Masked, url.QueryEscape(secret), store.Masked).Replace(text)
		}
	}
	return regexp.MustCompile(`eyJ[\w-]{10,}[\w.-]*`).ReplaceAllString(text, store.Masked) // signed tokens begin so
}
