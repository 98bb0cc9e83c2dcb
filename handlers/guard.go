package handlers

import (
	"crypto/subtle"
	"mime"
	"net"
	"net/http"
	"net/netip"
	"strings"

	"github.com/gin-gonic/gin"
)

// guard lets only operators in: those whom AWS authenticated in the way that is set, those who know the token or, if there is neither,
// programs on this machine.
func (g *Gateway) guard(c *gin.Context) {
	switch {
	case g.isLocal():
		g.guardBrowsers(c)
	case !g.isOperator(c.Request):
		c.Header("WWW-Authenticate", `Bearer realm="event-gateway"`)
		g.fail(c, statusError(http.StatusUnauthorized, g.needs()))
	}
}

// isLocal says whether the surface is for this machine only.
func (g *Gateway) isLocal() bool { return g.Token == "" && g.Identity == "" }

func (g *Gateway) isOperator(r *http.Request) bool {
	if g.Identity != "" && callerOf(r).Kind == g.Identity {
		return true
	}
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	return g.Token != "" && strings.EqualFold(scheme, "bearer") &&
		subtle.ConstantTimeCompare([]byte(strings.TrimSpace(token)), []byte(g.Token)) == 1
}

// needs says what a request lacks that is not an operator's.
func (g *Gateway) needs() string {
	const token = "the operator's token: send it as Authorization: Bearer TOKEN."
	if g.Identity == "" {
		return "The Config API needs " + token
	}
	needs := "The Config API needs " + map[string]string{
		IAM:    "a caller whom AWS IAM authenticated: sign the request, on a route that asks for it",
		JWT:    "a caller whom a JWT authorizer authenticated: send a JWT, on a route that asks for it",
		Lambda: "a caller whom a Lambda authorizer authenticated and named by principalId, on a route that asks it",
	}[g.Identity]
	if g.Token == "" {
		return needs + "."
	}
	return needs + "; or " + token
}

// guardBrowsers keeps web pages out of a surface that is for this machine only: neither a page of another origin nor a name that was
// made to point to this machine gets in.
func (g *Gateway) guardBrowsers(c *gin.Context) {
	if !g.isLocal() {
		return
	}
	if !isLoopback(c.Request.Host) {
		g.fail(c, statusError(http.StatusForbidden, "This Config API has no token and so answers only to the host names localhost, 127.0.0.1 and [::1]."))
		return
	}
	if err := http.NewCrossOriginProtection().Check(c.Request); err != nil {
		g.fail(c, statusError(http.StatusForbidden, "This Config API has no token and so takes no requests from web pages."))
	}
}

func isLoopback(host string) bool {
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	host = strings.Trim(host, "[]")
	addr, err := netip.ParseAddr(host)
	return strings.EqualFold(host, "localhost") || err == nil && addr.Unmap().IsLoopback()
}

// onlyJSON refuses other bodies: a web page can send them without being asked.
func (g *Gateway) onlyJSON(c *gin.Context) {
	if m := c.Request.Method; m != http.MethodPost && m != http.MethodPut {
		return
	}
	if t, _, err := mime.ParseMediaType(c.GetHeader("Content-Type")); err != nil || t != "application/json" {
		g.fail(c, statusError(http.StatusUnsupportedMediaType, "The Config API takes JSON: send it with Content-Type: application/json."))
	}
}
