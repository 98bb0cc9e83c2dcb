package handlers

import (
	"fmt"
	"net"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"github.com/event-gateway/event-gateway/store"
)

// Hosts are the domains of hosted mode: SPACE.DOMAIN is the host of a space. nil is shared mode.
type Hosts []string

// NewHosts returns the hosts below the given domains.
func NewHosts(domains []string) (Hosts, error) {
	name := regexp.MustCompile(`^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]([a-z0-9-]{0,61}[a-z0-9])?$`)
	for _, d := range domains {
		if len(d) > 250 || !name.MatchString(d) {
			return nil, fmt.Errorf("%.300q is no domain: it looks like events.example.com, in lower case, without a port", d)
		}
		if _, parent, _ := strings.Cut(d, "."); slices.Contains(domains, parent) {
			return nil, fmt.Errorf("%s is the host of a space of %s: one domain cannot be right below another", d, parent)
		}
	}
	return Hosts(domains), nil
}

// space returns the space that a host stands for. Names of hosts have no case (RFC 9110, 4.2.3).
func (h Hosts) space(host string) (space string, ok bool) {
	host = withoutPort(host)
	label, domain, _ := strings.Cut(strings.Map(lower, host), ".")
	return label, store.IsLabel(label) && slices.Contains(h, domain)
}

func withoutPort(host string) string {
	name, port, err := net.SplitHostPort(host)
	if err != nil || strings.HasPrefix(host, "[") || strings.Trim(port, "0123456789") != "" {
		return host
	}
	return name
}

// lower knows ASCII only: other letters have lower forms that are ASCII.
func lower(r rune) rune {
	if r >= 'A' && r <= 'Z' {
		return r + 'a' - 'A'
	}
	return r
}

// space returns the space of a request, which in shared mode is "": all share their URLs.
func (g *Gateway) space(r *http.Request) (string, error) {
	if g.Hosts == nil {
		return "", nil
	}
	space, ok := g.Hosts.space(r.Host)
	if !ok {
		return "", errNotFound
	}
	for _, named := range r.Header["Space"] {
		if named != space {
			return "", statusError(http.StatusBadRequest, "The header Space names another space than the host.")
		}
	}
	return space, nil
}

// keepCookies takes the domain out of cookies that are set for more than the host itself: they become cookies of the host (RFC 6265, 5.3).
func keepCookies(header http.Header, host string) {
	host = withoutPort(host)
	for name, values := range header {
		if !strings.EqualFold(name, "Set-Cookie") {
			continue
		}
		for i, cookie := range values {
			values[i] = keepCookie(cookie, host)
		}
	}
}

func keepCookie(cookie, host string) string {
	pair, attributes, found := strings.Cut(cookie, ";")
	if !found {
		return cookie
	}
	kept := slices.DeleteFunc(strings.Split(attributes, ";"), func(attribute string) bool {
		name, domain, _ := strings.Cut(attribute, "=")
		domain = strings.TrimPrefix(strings.Trim(domain, " \t"), ".")
		return strings.EqualFold(strings.Trim(name, " \t"), "domain") && !strings.EqualFold(domain, host)
	})
	return strings.Join(append([]string{pair}, kept...), ";")
}
