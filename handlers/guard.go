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

// guard lets only operators in: those who know the token or, if there is none, programs on this machine.
func (g *Gateway) guard(c *gin.Context) {
	if g.Token == "" {
		g.guardBrowsers(c)
		return
	}
	scheme, token, _ := strings.Cut(c.GetHeader("Authorization"), " ")
	if !strings.EqualFold(scheme, "bearer") || subtle.ConstantTimeCompare([]byte(strings.TrimSpace(token)), []byte(g.Token)) != 1 {
		c.Header("WWW-Authenticate", `Bearer realm="event-gateway"`)
		g.fail(c, statusError(http.StatusUnauthorized, "The Config API needs the operator's token: send it as Authorization: Bearer TOKEN."))
	}
}

// guardBrowsers keeps web pages out of a surface that has no token: neither a page of another origin nor a name that was made to
// point to this machine gets in.
func (g *Gateway) guardBrowsers(c *gin.Context) {
	if g.Token != "" {
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
