package store

import (
	"fmt"
	"slices"
	"strings"
	"sync/atomic"

	"golang.org/x/net/http/httpguts"
)

// CORSPolicy says which origins a browser lets read answers, and what else it may send and read.
type CORSPolicy struct {
	Origins          []string `json:"origins"`
	Methods          []string `json:"methods"`
	Headers          []string `json:"headers"`
	AllowCredentials bool     `json:"allowCredentials"`

	// Opened is for the package that answers browsers: what it made of this revision of the policy, which goes when the revision does.
	Opened atomic.Value `json:"-"`
}

// Every list of a policy is gone through for each request of a browser.
const (
	maxCORSEntries = 100
	maxCORSEntry   = 256 // bytes
)

// setDefaults fills the lists that are empty.
func (p *CORSPolicy) setDefaults() {
	if len(p.Origins) == 0 {
		p.Origins = []string{"*"}
	}
	if len(p.Methods) == 0 {
		p.Methods = []string{"HEAD", "GET", "POST"}
	}
	if len(p.Headers) == 0 {
		p.Headers = []string{"Origin", "Accept", "Content-Type"}
	}
}

// corsNames are the members of a policy as clients know them.
type corsNames struct{ origins, methods, headers, credentials string }

// check says what is wrong with a policy. With -compat it is not asked.
func (p *CORSPolicy) check(names corsNames) error {
	err := checkEntries(names.origins, p.Origins, `an origin such as https://www.example.com, with at most one "*"`, isOriginPattern)
	if err == nil {
		err = checkEntries(names.methods, p.Methods, "the name of a method", httpguts.ValidHeaderFieldName)
	}
	if err == nil {
		err = checkEntries(names.headers, p.Headers, "the name of a header", httpguts.ValidHeaderFieldName)
	}
	if err == nil && p.AllowCredentials {
		err = p.checkCredentials(names)
	}
	return err
}

func checkEntries(name string, entries []string, what string, good func(string) bool) error {
	if len(entries) > maxCORSEntries {
		return fmt.Errorf("%s has %d entries, at most %d are allowed", name, len(entries), maxCORSEntries)
	}
	for _, entry := range entries {
		switch {
		case len(entry) > maxCORSEntry:
			return fmt.Errorf("%s has an entry of %d bytes, at most %d are allowed", name, len(entry), maxCORSEntry)
		case !good(entry):
			return fmt.Errorf("%s has %q, which is not %s", name, entry, what)
		}
	}
	return nil
}

// checkCredentials keeps away from everybody what a user is logged in to: only origins of known owners may send credentials.
func (p *CORSPolicy) checkCredentials(names corsNames) error {
	for _, origin := range p.Origins {
		switch {
		case origin == "*":
			return fmt.Errorf("%s needs %s that are named: credentials cannot be allowed to every origin", names.credentials, names.origins)
		case strings.EqualFold(origin, "null"):
			return fmt.Errorf(`%s cannot go with the origin "null", which every page can have`, names.credentials)
		case strings.Contains(origin, "*") && !isBelowDomain(origin):
			return fmt.Errorf("%s cannot go with the origin %q: its \"*\" must stand for names below a domain, as in https://*.example.com", names.credentials, origin)
		}
	}
	if slices.Contains(p.Headers, "*") || slices.Contains(p.Methods, "*") {
		return fmt.Errorf(`%s cannot go with "*" in %s or %s: browsers take it for a name then`, names.credentials, names.methods, names.headers)
	}
	return nil
}

// isOriginPattern does not read more of an origin than matters: it has a scheme, or a "*" for it.
func isOriginPattern(s string) bool {
	named := strings.Contains(s, "*") || strings.Contains(s, "://") || strings.EqualFold(s, "null")
	return named && strings.Count(s, "*") <= 1 && !strings.ContainsFunc(s, func(c rune) bool { return c <= ' ' || c == 0x7f })
}

// isBelowDomain says whether a pattern's wildcard stands for the names below a domain, as in https://*.example.com:8443. A domain has at
// least two labels: "*.com" is nobody's.
func isBelowDomain(origin string) bool {
	scheme, host, _ := strings.Cut(origin, "://")
	domain, ok := strings.CutPrefix(host, "*.")
	if !ok || !httpguts.ValidHeaderFieldName(scheme) || strings.Contains(scheme, "*") {
		return false
	}
	domain, _, _ = strings.Cut(domain, ":")
	labels := strings.Split(domain, ".")
	return len(labels) >= 2 && !slices.ContainsFunc(labels, func(l string) bool { return l == "" || strings.Trim(l, labelChars) != "" })
}

const labelChars = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_"
