package handlers

import (
	"net/http"

	"github.com/gin-gonic/gin"
)

// healthy says that the process answers.
func (g *Gateway) healthy(c *gin.Context) { c.Status(http.StatusOK) }

// ready says whether the gateway can take events: it knows its configuration, and is not about to end.
func (g *Gateway) ready(c *gin.Context) {
	switch {
	case g.Draining.Load():
		g.fail(c, statusError(http.StatusServiceUnavailable, "The gateway is shutting down."))
	case !g.Realms.Ready():
		g.fail(c, statusError(http.StatusServiceUnavailable, "The gateway has not read its configuration yet."))
	default:
		c.Status(http.StatusOK)
	}
}
